# SEAM on MS COCO 2014: ResNet-38 trained on two scales with pixel correlation, tags only.
# No published code trains this: model, epochs and learning rate are those of VOC (our choice).
# Needs: tags in DATA_ROOT (../_base_/datasets/cam_coco.py); pretrained/r38_imagenet.pth from "r38_mxnet"
#   (tools/model_converters/convert.py).
# Run (4 GPUs x 2 images): tools/dist_train.sh configs/cam/seam_r38_coco.py 4 --data-root DATA_ROOT
#   CAMs: tools/dist_test.sh configs/cam/seam_r38_coco.py CHECKPOINT 4 --data-root DATA_ROOT --out CAM_DIR
# Gives: not measured.
_base_ = [
    '../_base_/models/cam_r38_seam.py',
    '../_base_/datasets/cam_coco.py',
    '../_base_/pipelines/cam_seam.py',
    '../_base_/schedules/cam_poly.py',
    '../_base_/cam_runtime.py',
]
model = dict(head=dict(num_classes=80))
train_dataloader = dict(batch_size=2, dataset=dict(pipeline={{_base_.train_pipeline}}))
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(0.5, 1.0, 1.5, 2.0)),
        ]
    )
)
test_cfg = dict(stride=8)  # 82,783 images at full size would fill some 100 GB
optim_wrapper = dict(optimizer=dict(lr=0.01))
# 8 epochs of 10,347 updates; lr * (1 - i / 82776) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=82777, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=82776, val_interval=10347)
auto_scale_lr = dict(enable=False, base_batch_size=8)
