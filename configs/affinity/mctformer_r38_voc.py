# MCTformer V2 on PASCAL VOC 2012: AffinityNet from CRF scores of the CAMs of configs/cam/mctformer_v2_voc.py.
# Needs: work_dirs/affinity_labels/mctformer_v2_voc by
#   python tools/make_affinity_labels.py work_dirs/cam/mctformer_v2_voc/cams --images DATA_ROOT/JPEGImages \
#     --out work_dirs/affinity_labels/mctformer_v2_voc --powers 1 12
#   pretrained/r38_psa_cls.pth: convert.py res38_cls.pth pretrained/r38_psa_cls.pth --from r38.
# Run (1 GPU x 8 images): python tools/train.py configs/affinity/mctformer_r38_voc.py --data-root DATA_ROOT
#   Pseudo masks: tools/dist_test.sh configs/affinity/mctformer_r38_voc.py CHECKPOINT 4 --data-root DATA_ROOT --out MASK_DIR
# Gives: not measured.
_base_ = [
    '../_base_/models/affinity_r38.py',
    '../_base_/datasets/affinity_voc.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/schedules/affinity_poly.py',
    '../_base_/affinity_runtime.py',
]
model = dict(backbone=dict(init_cfg=dict(checkpoint='pretrained/r38_psa_cls.pth')))
train_dataloader = dict(
    dataset=dict(
        stage_dir='work_dirs/affinity_labels/mctformer_v2_voc', pipeline={{_base_.train_pipeline}}
    )
)
test_dataloader = dict(
    dataset=dict(stage_dir='work_dirs/cam/mctformer_v2_voc/cams', pipeline={{_base_.walk_pipeline}})
)
# The constant background that its authors found best for the seeds, on true masks of VOC.
test_cfg = dict(type='mmocr_wsss.RandomWalkLoop', steps=64, beta=8, background_threshold=0.39)
optim_wrapper = dict(optimizer=dict(lr=0.01))
# 5 epochs of 1,322 updates; lr * (1 - i / 6610) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=6611, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=6610)
