# AffinityNet on MS COCO 2014 with out-of-candidate rectification: the baseline plus the loss.
# Needs and runs as configs/segmentation/affinitynet_r38_coco.py. Gives: not measured.
_base_ = '../segmentation/affinitynet_r38_coco.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
