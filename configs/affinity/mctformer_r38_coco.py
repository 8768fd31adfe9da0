# MCTformer V2 on MS COCO 2014: AffinityNet from CRF scores of the CAMs of configs/cam/mctformer_v2_coco.py.
# No published code trains this: schedule and walk are those of VOC (our choice).
# Needs: work_dirs/affinity_labels/mctformer_v2_coco by
#   python tools/make_affinity_labels.py work_dirs/cam/mctformer_v2_coco/cams --images DATA_ROOT/images/train2014 \
#     --out work_dirs/affinity_labels/mctformer_v2_coco --powers 1 12
#   pretrained/r38_psa_cls.pth: convert.py res38_cls.pth pretrained/r38_psa_cls.pth --from r38.
# Run (1 GPU x 8 images): python tools/train.py configs/affinity/mctformer_r38_coco.py --data-root DATA_ROOT
#   Pseudo masks: tools/dist_test.sh configs/affinity/mctformer_r38_coco.py CHECKPOINT 4 --data-root DATA_ROOT --out MASK_DIR
# Gives: not measured.
_base_ = [
    '../_base_/models/affinity_r38.py',
    '../_base_/datasets/affinity_coco.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/schedules/affinity_poly.py',
    '../_base_/affinity_runtime.py',
]
model = dict(backbone=dict(init_cfg=dict(checkpoint='pretrained/r38_psa_cls.pth')))
train_dataloader = dict(
    dataset=dict(
        stage_dir='work_dirs/affinity_labels/mctformer_v2_coco', pipeline={{_base_.train_pipeline}}
    )
)
test_dataloader = dict(
    dataset=dict(
        stage_dir='work_dirs/cam/mctformer_v2_coco/cams', pipeline={{_base_.walk_pipeline}}
    )
)
# The constant background that its authors found best for the seeds, on true masks of VOC.
test_cfg = dict(type='mmocr_wsss.RandomWalkLoop', steps=64, beta=8, background_threshold=0.39)
optim_wrapper = dict(optimizer=dict(lr=0.01))
# 5 epochs of 10,347 updates; lr * (1 - i / 51735) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=51736, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=51735)
