# AffinityNet (PSA) on MS COCO 2014, from tags to segmenters without and with the OC loss.
# Needs: the data and the pretrained weights that the configs below name in their first lines.
# Run: python tools/pipeline.py configs/pipelines/affinitynet_coco.py --data-root DATA_ROOT --gpus 4
# Gives: not measured.
_base_ = '../_base_/stages_coco.py'
cam = 'cam/affinitynet_r38_coco.py'
cams = 'cam/affinitynet_r38_coco.py'
affinity_labels = dict(powers=(4, 32), crf='cam')
affinity = 'affinity/affinitynet_r38_coco.py'
baseline = 'segmentation/affinitynet_r38_coco.py'
oc = 'ocr/affinitynet_r38_coco.py'
