# DeepLab-LargeFOV on Wide ResNet-38 as in SEAM's segmentation code (YudeWang/
# semantic-segmentation-codebase, experiment/seamv1-pseudovoc): nothing is frozen, BatchNorm
# runs on batch statistics with momentum 3e-4, and its scale and shift are not trained.
norm_cfg = dict(type='BN', momentum=3e-4, requires_grad=False)
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(448, 448),
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmocr_wsss.WideResNet38',
        frozen_stages=-1,
        norm_cfg=norm_cfg,
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/r38_imagenet.pth'),
    ),
    decode_head=dict(
        type='mmocr_wsss.LargeFOVHead',
        variant='seam',
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# Test with scales, flips and dense CRF: tools/test.py CONFIG CHECKPOINT --tta
tta_model = dict(type='mmocr_wsss.MultiScaleTTA', variant='seam', dense_crf='seam_segmentation')
