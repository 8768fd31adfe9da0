# PASCAL VOC 2012 with pseudo masks. DATA_ROOT (tools: --data-root) holds
#   JPEGImages/ID.jpg, ImageSets/Segmentation/{train_aug,val}.txt, image_tags.json (tools/prepare_tags.py),
#   pseudo_masks/ID.png for training, SegmentationClassAug/ID.png for validation only.
# Augmentation of MCTformer's segmentation code, crop 321 x 321.
data_root = 'data/VOCdevkit/VOC2012'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    # The published code draws one factor per batch; here each image draws its own.
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
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='mmocr_wsss.PseudoMaskDataset',
            classes='voc',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks'),
            ann_file='ImageSets/Segmentation/train_aug.txt',
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='PascalVOCDataset',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
            ann_file='ImageSets/Segmentation/val.txt',
            pipeline=test_pipeline,
        ),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmocr_wsss.OutOfCandidateRate'),
]
test_evaluator = val_evaluator
tta_pipeline = test_pipeline
