# MCTformer+ on PASCAL VOC 2012: class tokens, ranked patch scores, token contrast, tags only.
# Needs: tags in DATA_ROOT (../_base_/datasets/cam_voc.py); pretrained/deit_s_imagenet.pth from
#   deit_small_patch16_224-cd65a155.pth by "deit_s" (tools/model_converters/convert.py).
#   The authors' own MCTformer+: convert.py --from mctformer_plus, then only the test.
# Run (1 GPU x 32 images): python tools/train.py configs/cam/mctformer_plus_voc.py --data-root DATA_ROOT --amp
#   CAMs: tools/dist_test.sh configs/cam/mctformer_plus_voc.py CHECKPOINT 4 --data-root DATA_ROOT --out CAM_DIR
# Gives: not measured.
_base_ = [
    '../_base_/models/cam_mctformer_plus.py',
    '../_base_/datasets/cam_voc.py',
    '../_base_/pipelines/cam_mctformer_plus.py',
    '../_base_/schedules/cam_mctformer.py',
    '../_base_/cam_runtime.py',
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(batch_size=48, dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 0.75, 1.25)),
        ]
    )
)
optim_wrapper = dict(optimizer=dict(lr=3.125e-5))
# 45 epochs of 330 updates. The published code steps its scheduler late: delay=1.
param_scheduler = [
    dict(
        type='mmocr_wsss.EpochwiseCosineLR',
        iters_per_epoch=330,
        max_epochs=45,
        warmup_epochs=5,
        warmup_start=1e-6,
        eta_min=1e-5,
        delay=1,
        by_epoch=False,
        end=14850,
    )
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=14850, val_interval=330)
auto_scale_lr = dict(enable=False, base_batch_size=32)
