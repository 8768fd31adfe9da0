# SEAM on MS COCO 2014: AffinityNet from CRF scores of the CAMs of configs/cam/seam_r38_coco.py.
# No published code trains this: schedule and walk are those of VOC (our choice).
# Needs: work_dirs/affinity_labels/seam_r38_coco by
#   python tools/make_affinity_labels.py work_dirs/cam/seam_r38_coco/cams --images DATA_ROOT/images/train2014 \
#     --out work_dirs/affinity_labels/seam_r38_coco --powers 4 24
#   pretrained/r38_imagenet.pth from "r38_mxnet" (tools/model_converters/convert.py).
# Run (1 GPU x 8 images): python tools/train.py configs/affinity/seam_r38_coco.py --data-root DATA_ROOT
#   Pseudo masks: tools/dist_test.sh configs/affinity/seam_r38_coco.py CHECKPOINT 4 --data-root DATA_ROOT --out MASK_DIR
# Gives: not measured.
_base_ = [
    '../_base_/models/affinity_r38.py',
    '../_base_/datasets/affinity_coco.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/schedules/affinity_poly.py',
    '../_base_/affinity_runtime.py',
]
train_dataloader = dict(
    dataset=dict(
        stage_dir='work_dirs/affinity_labels/seam_r38_coco', pipeline={{_base_.train_pipeline}}
    )
)
test_dataloader = dict(
    dataset=dict(stage_dir='work_dirs/cam/seam_r38_coco/cams', pipeline={{_base_.walk_pipeline}})
)
test_cfg = dict(type='mmocr_wsss.RandomWalkLoop', steps=64, beta=8, background_power=6)
optim_wrapper = dict(optimizer=dict(lr=0.01))
# 8 epochs of 10,347 updates; lr * (1 - i / 82776) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=82777, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=82776)
