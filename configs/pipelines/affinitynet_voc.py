# AffinityNet (PSA) on PASCAL VOC 2012, from tags to segmenters without and with the OC loss.
# Needs: the data and the pretrained weights that the configs below name in their first lines.
# Run: python tools/pipeline.py configs/pipelines/affinitynet_voc.py --data-root DATA_ROOT --gpus 4
# Gives: not measured.
_base_ = '../_base_/stages_voc.py'
cam = 'cam/affinitynet_r38_voc.py'
cams = 'cam/affinitynet_r38_voc.py'
affinity_labels = dict(powers=(4, 32), crf='cam')
affinity = 'affinity/affinitynet_r38_voc.py'
baseline = 'segmentation/affinitynet_r38_voc.py'
oc = 'ocr/affinitynet_r38_voc.py'
