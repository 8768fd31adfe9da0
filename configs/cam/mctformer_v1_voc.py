# MCTformer V1 on PASCAL VOC 2012: class tokens alone, maps from their attention, tags only.
# Needs: tags in DATA_ROOT (../_base_/datasets/cam_voc.py); pretrained/deit_s_imagenet.pth from
#   deit_small_patch16_224-cd65a155.pth by "deit_s" (tools/model_converters/convert.py).
#   The authors' own V1: convert.py --from mctformer_v1, then only the test.
# Run (1 GPU x 64 images): python tools/train.py configs/cam/mctformer_v1_voc.py --data-root DATA_ROOT --amp
#   CAMs: tools/dist_test.sh configs/cam/mctformer_v1_voc.py CHECKPOINT 4 --data-root DATA_ROOT --out CAM_DIR
# Gives: not measured. The authors generate maps from the last checkpoint.
_base_ = [
    '../_base_/models/cam_mctformer.py',
    '../_base_/datasets/cam_voc.py',
    '../_base_/pipelines/cam_mctformer.py',
    '../_base_/schedules/cam_mctformer.py',
    '../_base_/cam_runtime.py',
]
model = dict(attention_type='attention', head=dict(patch_branch=False))
train_dataloader = dict(batch_size=64, dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(batch_size=96, dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0,)),
        ]
    )
)
# 60 epochs of 165 updates. The published code steps its scheduler late: delay=1.
param_scheduler = [
    dict(
        type='mmocr_wsss.EpochwiseCosineLR',
        iters_per_epoch=165,
        max_epochs=60,
        warmup_epochs=5,
        warmup_start=1e-6,
        eta_min=1e-5,
        delay=1,
        by_epoch=False,
        end=9900,
    )
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=9900, val_interval=165)
auto_scale_lr = dict(enable=False, base_batch_size=64)
