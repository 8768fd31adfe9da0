# AffinityNet's data on PASCAL VOC 2012: photos of DATA_ROOT (tools: --data-root), CRF scores for training
#   (tools/make_affinity_labels.py), CAM files for the walk; no masks.
# stage_dir is relative to the working directory; each recipe names its own.
stage_files = dict(
    type='mmocr_wsss.StageFileDataset',
    data_root='data/VOCdevkit/VOC2012',
    ann_file='ImageSets/Segmentation/train_aug.txt',
    data_prefix=dict(img_path='JPEGImages'),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=stage_files,
)
val_dataloader = val_evaluator = None
# One image at a time; mmocr_wsss.RandomWalkLoop sets sampler and collation.
test_dataloader = dict(num_workers=4, persistent_workers=False, dataset=stage_files)
# Writes WORK_DIR/pseudo_masks/ID.png, or to the folder of tools/test.py --out.
test_evaluator = dict(type='mmocr_wsss.PseudoMaskDumper')
auto_scale_lr = dict(enable=False, base_batch_size=8)
