# MS COCO 2014 with pseudo masks. DATA_ROOT (tools: --data-root) holds
#   images/{train,val}2014/ID.jpg, lists/{train,val}2014.txt, image_tags.json (tools/prepare_tags.py),
#   pseudo_masks/ID.png for training, masks/val2014/ID.png (ids 0 to 80) for validation only.
# The training pipeline and the batch size are the recipe's: see ../pipelines/.
data_root = 'data/coco14'
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
            classes='coco14',
            # Every start reads all 82,783 masks once; check_masks=False only looks for the files.
            data_root=data_root,
            data_prefix=dict(img_path='images/train2014', seg_map_path='pseudo_masks'),
            ann_file='lists/train2014.txt',
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
            type='mmocr_wsss.COCO14Dataset',
            data_root=data_root,
            data_prefix=dict(img_path='images/val2014', seg_map_path='masks/val2014'),
            ann_file='lists/val2014.txt',
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
