# Augmentation of MCTformer's segmentation code; crops of 321 x 321.
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    # The published code draws one factor per batch and resizes in floating point; here each image
    # draws its own, and 8-bit values are resized.
    dict(type='mmocr_wsss.RandomRescale', ratio_range=(0.7, 1.3)),
    dict(type='RandomFlip', prob=0.5),
    # The published code pads masks with background; the padding never enters the OC term.
    dict(
        type='mmocr_wsss.RandomCropOrPad',
        crop_size=(321, 321),
        placement='topleft',
        seg_pad_val=0,
    ),
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
