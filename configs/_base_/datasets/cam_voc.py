# PASCAL VOC 2012 with image-level tags, no masks. DATA_ROOT (tools: --data-root) holds
#   JPEGImages/ID.jpg, ImageSets/Segmentation/{train_aug,val}.txt, image_tags.json (tools/prepare_tags.py).
# Training: train_aug. Validation: average precision of the tags on val. Test: CAMs of train_aug.
# The training pipeline, batch size and test scales are the recipe's.
data_root = 'data/VOCdevkit/VOC2012'
tagged_images = dict(
    type='mmocr_wsss.TaggedImageDataset',
    classes='voc',
    tags='image_tags.json',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages'),
)
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(ann_file='ImageSets/Segmentation/train_aug.txt', **tagged_images),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
        **tagged_images,
    ),
)
# One image at a time; mmocr_wsss.CAMLoop sets sampler and collation.
test_dataloader = dict(
    num_workers=4,
    persistent_workers=False,
    dataset=dict(ann_file='ImageSets/Segmentation/train_aug.txt', **tagged_images),
)
val_evaluator = dict(type='AveragePrecision')
# Writes WORK_DIR/cams/ID.npz, or to the folder of tools/test.py --out.
test_evaluator = dict(type='mmocr_wsss.CAMDumper')
