# SEAM on MS COCO 2014, from tags to segmenters without and with the OC loss.
# Needs: the data and the pretrained weights that the configs below name in their first lines.
# Run: python tools/pipeline.py configs/pipelines/seam_coco.py --data-root DATA_ROOT --gpus 4
# Gives: not measured.
_base_ = '../_base_/stages_coco.py'
cam = 'cam/seam_r38_coco.py'
cams = 'cam/seam_r38_coco.py'
affinity_labels = dict(powers=(4, 24), crf='cam')
affinity = 'affinity/seam_r38_coco.py'
baseline = 'segmentation/seam_r38_coco.py'
oc = 'ocr/seam_r38_coco.py'
