# MS COCO 2014 with image-level tags, no masks. DATA_ROOT (tools: --data-root) holds
#   images/{train,val}2014/ID.jpg, lists/{train,val}2014.txt, image_tags.json (tools/prepare_tags.py).
# Training: train2014. Validation: average precision of the tags on val2014. Test: CAMs of train2014.
# The training pipeline, batch size and test scales are the recipe's.
data_root = 'data/coco14'
tagged_images = dict(
    type='mmocr_wsss.TaggedImageDataset',
    classes='coco14',
    tags='image_tags.json',
    data_root=data_root,
)
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        ann_file='lists/train2014.txt',
        data_prefix=dict(img_path='images/train2014'),
        **tagged_images,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        ann_file='lists/val2014.txt',
        data_prefix=dict(img_path='images/val2014'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
        **tagged_images,
    ),
)
# One image at a time; mmocr_wsss.CAMLoop sets sampler and collation.
test_dataloader = dict(
    num_workers=4,
    persistent_workers=False,
    dataset=dict(
        ann_file='lists/train2014.txt',
        data_prefix=dict(img_path='images/train2014'),
        **tagged_images,
    ),
)
val_evaluator = dict(type='AveragePrecision')
# Writes WORK_DIR/cams/ID.npz, or to the folder of tools/test.py --out.
test_evaluator = dict(type='mmocr_wsss.CAMDumper')
