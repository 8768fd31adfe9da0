# MCTformer V2 on MS COCO 2014, from tags to segmenters without and with the OC loss.
# Needs: the data and the pretrained weights that the configs below name in their first lines.
# Run: python tools/pipeline.py configs/pipelines/mctformer_coco.py --data-root DATA_ROOT --gpus 4
# Gives: not measured.
_base_ = '../_base_/stages_coco.py'
cam = 'cam/mctformer_v2_coco.py'
cams = 'cam/mctformer_v2_coco.py'
affinity_labels = dict(powers=(1, 12), crf='cam')
affinity = 'affinity/mctformer_r38_coco.py'
baseline = 'segmentation/mctformer_r38_coco.py'
oc = 'ocr/mctformer_r38_coco.py'
