# The baseline beside this file plus out-of-candidate rectification.
# Needs: as configs/demo/baseline_synthetic.py.
# Run: python tools/train.py configs/demo/oc_synthetic.py --data-root demo_output/dataset
# Gives: the numbers that tools/demo.py prints; see the README.
_base_ = './baseline_synthetic.py'
model = dict(
    type='mmocr_wsss.CandidateEncoderDecoder',
    loss_oc=dict(type='mmocr_wsss.OutOfCandidateLoss', loss_weight=3.0, start_iter=0.5),
)
custom_hooks = [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
