# MCTformer V2 on PASCAL VOC 2012, from tags to segmenters without and with the OC loss.
# Needs: the data and the pretrained weights that the configs below name in their first lines.
# Run: python tools/pipeline.py configs/pipelines/mctformer_voc.py --data-root DATA_ROOT --gpus 4
# Gives: not measured.
_base_ = '../_base_/stages_voc.py'
cam = 'cam/mctformer_v2_voc.py'
cams = 'cam/mctformer_v2_voc.py'
affinity_labels = dict(powers=(1, 12), crf='cam')
affinity = 'affinity/mctformer_r38_voc.py'
baseline = 'segmentation/mctformer_r38_voc.py'
oc = 'ocr/mctformer_r38_voc.py'
