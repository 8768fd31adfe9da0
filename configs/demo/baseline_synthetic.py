# A small net from scratch on the synthetic scenes of tools/demo.py, without the OC loss.
# 1 process x 8 images of 96 x 128, 800 iterations: about two minutes on two CPU cores.
# Needs: the data set that tools/demo.py writes below its output folder.
# Run:   python tools/train.py configs/demo/baseline_synthetic.py --data-root demo_output/dataset
# Gives: the numbers that tools/demo.py prints; see the README.
_base_ = '../_base_/default_runtime.py'
data_root = 'demo_output/dataset'
classes = ('boat', 'duck', 'car', 'bus', 'cow', 'sheep')
max_iters = 800

norm_cfg = dict(type='BN')
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(80, 96),
    ),
    backbone=dict(
        type='ResNetV1c', depth=18, stem_channels=16, base_channels=16, norm_cfg=norm_cfg
    ),
    decode_head=dict(
        type='SegformerHead',
        in_channels=[16, 32, 64, 128],
        in_index=[0, 1, 2, 3],
        channels=64,
        dropout_ratio=0.1,
        num_classes=len(classes) + 1,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(128, 96), ratio_range=(0.85, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(80, 96)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='mmocr_wsss.PseudoMaskDataset',
            classes=classes,
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks'),
            ann_file='ImageSets/Segmentation/train.txt',
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='mmocr_wsss.PseudoMaskDataset',
            test_mode=True,  # true masks are for evaluation
            classes=classes,
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/val.txt',
            pipeline=test_pipeline,
        ),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmocr_wsss.OutOfCandidateRate'),
]
test_evaluator = val_evaluator

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.002, weight_decay=0.0001)
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, by_epoch=False, begin=0, end=max_iters),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(
    logger=dict(interval=50), checkpoint=dict(interval=max_iters, max_keep_ckpts=1)
)
