# SEAM on PASCAL VOC 2012: ResNet-38 trained on two scales with pixel correlation, tags only.
# Needs: tags in DATA_ROOT (../_base_/datasets/cam_voc.py); pretrained/r38_imagenet.pth from "r38_mxnet"
#   (tools/model_converters/convert.py). SEAM's own resnet38_SEAM.pth: convert.py --from seam, then only the test.
# Run (4 GPUs x 2 images): tools/dist_train.sh configs/cam/seam_r38_voc.py 4 --data-root DATA_ROOT
#   CAMs: tools/dist_test.sh configs/cam/seam_r38_voc.py CHECKPOINT 4 --data-root DATA_ROOT --out CAM_DIR
# Gives: not measured. Published mIoU of the CAMs on train: 55.41 (SEAM paper, best threshold on true masks).
_base_ = [
    '../_base_/models/cam_r38_seam.py',
    '../_base_/datasets/cam_voc.py',
    '../_base_/pipelines/cam_seam.py',
    '../_base_/schedules/cam_poly.py',
    '../_base_/cam_runtime.py',
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline={{_base_.train_pipeline}}))
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(0.5, 1.0, 1.5, 2.0)),
        ]
    )
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
# 8 epochs of 1,322 updates; lr * (1 - i / 10576) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=10577, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=10576, val_interval=1322)
auto_scale_lr = dict(enable=False, base_batch_size=8)
