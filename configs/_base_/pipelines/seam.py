# Augmentation of SEAM's segmentation code; crops of 448 x 448, padding is ignored.
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmocr_wsss.HSVJitter'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmocr_wsss.RandomRescale', ratio_range=(0.5, 1.5), interpolation='bicubic'),
    dict(type='mmocr_wsss.RandomCropOrPad', crop_size=(448, 448), placement='random'),
    dict(
        type='PackSegInputs',
        meta_keys=(
            'img_path',
            'seg_map_path',
            'ori_shape',
            'img_shape',
            'pad_shape',
            'scale_factor',
            'flip',
            'flip_direction',
            'reduce_zero_label',
            'valid_box',
        ),
    ),
]
