# CAM classifier from scratch on the synthetic scenes of tools/demo.py: tags only.
# Needs: the data set that tools/demo.py writes below its output folder.
# Run:   python tools/train.py configs/demo/cam_synthetic.py --data-root demo_output/dataset
# Gives: the numbers that tools/demo.py prints; see the README.
_base_ = [
    '../_base_/models/small_resnet18.py',
    '../_base_/datasets/cam_voc.py',
    '../_base_/cam_runtime.py',
]
scenes = dict(
    data_root='demo_output/dataset', classes=('boat', 'duck', 'car', 'bus', 'cow', 'sheep')
)
max_iters = 600
model = dict(
    type='mmocr_wsss.CAMClassifier',
    backbone=dict(strides=(1, 2, 2, 1), out_indices=(3,)),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=6, in_channels=128),
)
train_pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=96, crop_ratio_range=(0.4, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
in_main_process = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(ann_file='ImageSets/Segmentation/train.txt', pipeline=train_pipeline, **scenes),
    **in_main_process,
)
val_dataloader = dict(dataset=scenes, **in_main_process)
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 1.5)),
        ],
        **scenes,
    ),
    **in_main_process,
)
# Half of the maximum: the net from scratch sees little detail, and 0.2 lets its CAMs flow over.
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='max', background_threshold=0.5)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.002, weight_decay=0.01))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, by_epoch=False, begin=0, end=max_iters),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=200, max_keep_ckpts=1))
