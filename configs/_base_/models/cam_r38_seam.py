# SEAM: ResNet-38 with conv1a, b2 and every BatchNorm frozen, pixel correlation on conv4 and conv5.
model = dict(
    type='mmocr_wsss.SEAMClassifier',
    view_scale=0.3,
    ecr_ratio=0.2,
    # The adaptive minimum pooling is in the released code, not in the paper.
    rv_ratio=0.25,
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
    head=dict(
        type='mmocr_wsss.SEAMHead',
        num_classes=20,
        in_channels=4096,
        dropout_ratio=0.5,
        correlation=dict(conv4_width=64, conv5_width=128, embed_width=192),
    ),
)
# 0.26 is the constant background of the label maps that the published infer_SEAM.py writes; how it was
# chosen is not said.
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='seam', background_threshold=0.26)
