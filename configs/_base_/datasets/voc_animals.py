# A VOC-layout folder of photos with a long side of about 320, sized for training on a CPU.
# DATA_ROOT (tools: --data-root) holds JPEGImages/ID.jpg, image_tags.json,
#   ImageSets/Segmentation/{train_aug,val}.txt, pseudo_masks_cam/ID.png for training and
#   SegmentationClassAug/ID.png for validation only.
data_root = 'data/voc_animals'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmocr_wsss.RandomRescale', ratio_range=(0.5, 0.9)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    # Before LoadAnnotations, so that predictions are compared at the size of the masks.
    dict(type='Resize', scale=(224, 224), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='mmocr_wsss.PseudoMaskDataset',
            classes='voc',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks_cam'),
            ann_file='ImageSets/Segmentation/train_aug.txt',
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
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
    # Few photos: the mean over the classes with enough true pixels stands next to that over all.
    dict(type='mmocr_wsss.SupportedIoUMetric', min_pixels=200000, iou_metrics=['mIoU']),
    dict(type='mmocr_wsss.OutOfCandidateRate'),
]
test_evaluator = val_evaluator
