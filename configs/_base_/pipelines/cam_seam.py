# Augmentation of SEAM's classifier; crops of 448 x 448, padded with the mean colour.
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='mmocr_wsss.RandomLongEdge', edge_range=(448, 768)),
    dict(type='RandomFlip', prob=0.5),
    # On 8-bit BGR with the backend pillow this is torchvision's ColorJitter.
    dict(
        type='ColorJitter',
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
        hue=0.1,
        backend='pillow',
    ),
    dict(type='mmocr_wsss.RandomCropOrPad', crop_size=(448, 448), placement='random'),
    dict(type='PackInputs'),
]
