# AffinityNet on PASCAL VOC 2012 with out-of-candidate rectification: the baseline plus the loss.
# Needs and runs as configs/segmentation/affinitynet_r38_voc.py.
# Gives: published in expected_results below (sources: docs/en/reproduce.md), not measured.
_base_ = '../segmentation/affinitynet_r38_voc.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
expected_results = [
    dict(metric='mIoU', published_gain=3.2, source='OCR paper, abstract'),
]
