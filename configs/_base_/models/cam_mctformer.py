# MCTformer V2: DeiT-S with one class token per class and a 3x3 convolution on the patches.
# V1 and COCO change it in their leaves; cam_mctformer_plus.py is built on it.
model = dict(
    type='mmocr_wsss.MCTformerClassifier',
    attention_type='fused',
    # Of the 12 blocks; the 12 in the published training commands has no effect there.
    last_layers=3,
    layer_reduction='sum',
    # The paper takes the affinity from the last blocks, the code from all 12: the code's.
    patch_affinity=True,
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmocr_wsss.MultiClassTokenViT',
        arch='deit-small',
        num_classes=20,
        img_size=224,
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint='pretrained/deit_s_imagenet.pth', prefix='backbone.'
        ),
    ),
    head=dict(type='mmocr_wsss.MCTformerHead', num_classes=20, in_channels=384),
)
# 0.39 is the constant background of the published random walk (run_psa.sh): the best for the
# seeds, says its help text, so its authors chose it on true masks of VOC. Here it is given in advance.
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='min_max', background_threshold=0.39)
