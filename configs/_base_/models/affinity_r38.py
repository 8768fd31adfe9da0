# AffinityNet on ResNet-38; conv1a, b2 and every BatchNorm frozen, the rest trained.
model = dict(
    type='mmocr_wsss.AffinityNet',
    stride=8,
    radius=5,
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmocr_wsss.WideResNet38',
        out_features=('conv4', 'conv5', 'conv6'),
        frozen_stages=1,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/r38_imagenet.pth'),
    ),
    # The affinity is exp(-mean) of the 448 absolute differences; the paper writes a sum.
    head=dict(type='mmocr_wsss.AffinityHead', in_channels=(512, 1024, 4096), widths=(64, 128, 256)),
)
