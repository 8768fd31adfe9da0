# SEAM on MS COCO 2014 with out-of-candidate rectification: the baseline plus the loss.
# Needs and runs as configs/segmentation/seam_r38_coco.py.
# Gives: published in expected_results below (sources: docs/en/reproduce.md), not measured.
_base_ = '../segmentation/seam_r38_coco.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
expected_results = [
    dict(metric='mIoU', published_gain=1.3, source='OCR paper, abstract'),
]
