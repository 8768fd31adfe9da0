# EfficientNet-Lite0 with out-of-candidate rectification: the baseline plus the loss.
# Needs and runs as configs/segmentation/effnet-lite0_voc-animals.py. Gives: see the README.
_base_ = '../segmentation/effnet-lite0_voc-animals.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5, loss_weight=3.0),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
