# CAM classifier from scratch on the synthetic scenes of tools/demo.py: tags only.
# Needs: the data set that tools/demo.py writes below its output folder.
# Run:   python tools/train.py configs/demo/cam_synthetic.py --data-root demo_output/dataset
# Gives: the numbers that tools/demo.py prints; see the README.
_base_ = '../_base_/cam_runtime.py'
data_root = 'demo_output/dataset'
classes = ('boat', 'duck', 'car', 'bus', 'cow', 'sheep')
max_iters = 800
norm_cfg = dict(type='BN')
model = dict(
    type='mmocr_wsss.CAMClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        stem_channels=16,
        base_channels=16,
        strides=(1, 2, 2, 1),
        out_indices=(3,),
        norm_cfg=norm_cfg,
    ),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=len(classes), in_channels=128),
)
tagged_images = dict(
    type='mmocr_wsss.TaggedImageDataset',
    classes=classes,
    tags='image_tags.json',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages'),
)
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=96, crop_ratio_range=(0.4, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        ann_file='ImageSets/Segmentation/train.txt', pipeline=train_pipeline, **tagged_images
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
        **tagged_images,
    ),
)
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 1.5)),
        ],
        **tagged_images,
    ),
)
val_evaluator = dict(type='AveragePrecision')
test_evaluator = dict(type='mmocr_wsss.CAMDumper')
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='max', background_threshold=0.2)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.002, weight_decay=0.01))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, by_epoch=False, begin=0, end=max_iters),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=200, max_keep_ckpts=1))
