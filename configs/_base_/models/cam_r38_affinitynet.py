# AffinityNet's (PSA) classifier: ResNet-38 with conv1a, b2 and every BatchNorm frozen.
model = dict(
    type='mmocr_wsss.CAMClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmocr_wsss.WideResNet38',
        frozen_stages=1,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/r38_imagenet.pth'),
    ),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=4096, dropout_ratio=0.5),
)
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='max', background_threshold=0.2)
