# PASCAL VOC 2012 with pseudo masks. DATA_ROOT (tools: --data-root) holds
#   JPEGImages/ID.jpg, ImageSets/Segmentation/{train_aug,val}.txt, image_tags.json (tools/prepare_tags.py),
#   pseudo_masks/ID.png for training, SegmentationClassAug/ID.png for validation only.
# The training pipeline and the batch size are the recipe's: see ../pipelines/.
data_root = 'data/VOCdevkit/VOC2012'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmocr_wsss.ImageTagDataset',
        tags='image_tags.json',
        dataset=dict(
            type='mmocr_wsss.PseudoMaskDataset',
            classes='voc',
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks'),
            ann_file='ImageSets/Segmentation/train_aug.txt',
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
    dict(type='mmocr_wsss.RunningIoUMetric', iou_metrics=['mIoU']),
    dict(type='mmocr_wsss.OutOfCandidateRate'),
]
test_evaluator = val_evaluator
tta_pipeline = test_pipeline
