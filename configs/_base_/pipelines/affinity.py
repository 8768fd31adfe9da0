# AffinityNet's training samples: native size, crops of 448 x 448, labels on the grid of stride 8.
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='mmocr_wsss.LoadCRFScores'),
    # On 8-bit BGR with the backend pillow this is torchvision's ColorJitter.
    dict(
        type='ColorJitter',
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
        hue=0.1,
        backend='pillow',
    ),
    # The published code flips after cropping; the random crop of a mirror is the same.
    dict(type='mmseg.RandomFlip', prob=0.5),
    # Padded with black and without scores, so ignored (its classifier pads with the mean colour).
    dict(
        type='mmocr_wsss.RandomCropOrPad',
        crop_size=(448, 448),
        placement='random',
        pad_val=(0, 0, 0),
        seg_pad_val=0,
    ),
    dict(type='mmocr_wsss.PackAffinityInputs', stride=8),
]
walk_pipeline = [
    dict(type='mmocr_wsss.LoadCAM'),
    dict(type='mmocr_wsss.LoadPhoto'),
    dict(type='mmocr_wsss.PackWalkInputs'),
]
