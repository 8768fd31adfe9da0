# A stock model of mmseg with out-of-candidate rectification: the baseline plus the loss.
# Needs and runs as configs/segmentation/deeplabv3plus_r50_voc.py. Gives: not measured.
_base_ = '../segmentation/deeplabv3plus_r50_voc.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
