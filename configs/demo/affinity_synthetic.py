# AffinityNet from scratch on the synthetic scenes of tools/demo.py.
# Needs: CAMs of configs/demo/cam_synthetic.py and, from them, labels by tools/make_affinity_labels.py;
#   tools/demo.py makes both and gives their folders as stage_dir.
# Run:   python tools/demo.py
# Gives: the numbers that tools/demo.py prints; see the README.
_base_ = [
    '../_base_/models/small_resnet18.py',
    '../_base_/datasets/affinity_voc.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/affinity_runtime.py',
]
scenes = dict(data_root='demo_output/dataset', ann_file='ImageSets/Segmentation/train.txt')
max_iters = 200
stride = 4
model = dict(
    type='mmocr_wsss.AffinityNet',
    stride=stride,
    radius=5,
    backbone=dict(out_indices=(0, 1, 2)),  # strides 4, 8 and 16; the head brings all to the first
    head=dict(type='mmocr_wsss.AffinityHead', in_channels=(16, 32, 64), widths=(16, 32, 32)),
)
in_main_process = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    dataset=dict(
        stage_dir='demo_output/affinity_labels',
        pipeline=[
            dict(type='mmocr_wsss.SeedTransforms'),
            dict(type='LoadImageFromFile'),
            dict(type='mmocr_wsss.LoadCRFScores'),
            dict(type='mmseg.RandomFlip', prob=0.5),
            dict(
                type='mmocr_wsss.RandomCropOrPad',
                crop_size=(80, 96),
                pad_val=(0, 0, 0),
                seg_pad_val=0,
            ),
            dict(type='mmocr_wsss.PackAffinityInputs', stride=stride),
        ],
        **scenes,
    ),
    **in_main_process,
)
test_dataloader = dict(
    dataset=dict(stage_dir='demo_output/cams/files', pipeline={{_base_.walk_pipeline}}, **scenes),
    **in_main_process,
)
# The background score of the CAMs' recipe.
test_cfg = dict(type='mmocr_wsss.RandomWalkLoop', steps=64, beta=8, background_threshold=0.5)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.001, weight_decay=0.01))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, by_epoch=False, begin=0, end=max_iters),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=100, max_keep_ckpts=1))
