# DeepLab-LargeFOV on Wide ResNet-38 as in MCTformer's segmentation code (xulianuwa/MCTformer,
# seg/): BatchNorm is frozen on its running statistics, conv1a is frozen.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(321, 321),
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmocr_wsss.WideResNet38',
        frozen_stages=0,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/r38_psa_cls.pth'),
    ),
    decode_head=dict(
        type='mmocr_wsss.LargeFOVHead',
        variant='mctformer',
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# Test with scales and dense CRF: tools/test.py CONFIG CHECKPOINT --tta
tta_model = dict(
    type='mmocr_wsss.MultiScaleTTA', variant='mctformer', dense_crf='mctformer_segmentation'
)
