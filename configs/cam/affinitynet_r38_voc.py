# CAM classifier of AffinityNet (PSA) on PASCAL VOC 2012: ResNet-38, tags only.
# Needs: tags in DATA_ROOT (../_base_/datasets/cam_voc.py); pretrained/r38_imagenet.pth from "r38_mxnet"
#   (tools/model_converters/convert.py). PSA's own res38_cls.pth: convert.py --from psa_cls, then only the test.
# Run (1 GPU x 16 images): python tools/train.py configs/cam/affinitynet_r38_voc.py --data-root DATA_ROOT
#   CAMs: tools/dist_test.sh configs/cam/affinitynet_r38_voc.py CHECKPOINT 4 --data-root DATA_ROOT --out CAM_DIR
# Gives: not measured. Published mIoU of the CAMs on train: 47.7 (PSA README, fixed background score 0.2).
_base_ = [
    '../_base_/models/cam_r38_affinitynet.py',
    '../_base_/datasets/cam_voc.py',
    '../_base_/pipelines/cam_psa.py',
    '../_base_/schedules/cam_poly.py',
    '../_base_/cam_runtime.py',
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.train_pipeline}}))
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 0.5, 1.5, 2.0)),
        ]
    )
)
# 15 epochs of 661 updates; lr * (1 - i / 9915) ** 0.9. PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=9916, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=9915, val_interval=661)
auto_scale_lr = dict(enable=False, base_batch_size=16)
