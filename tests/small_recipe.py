# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Settings that make a recipe small enough for a test."""

#: --cfg-options that shrink configs/ocr/seam_r38_voc.py to two steps of a second in all.
SMALL = [
    'model.backbone.width_mult=0.0625',
    'model.backbone.init_cfg=None',
    'model.decode_head.in_channels=256',
    'model.decode_head.channels=32',
    'model.data_preprocessor.size=(64,64)',
    'train_dataloader.dataset.dataset.pipeline.6.crop_size=(64,64)',
    'train_dataloader.batch_size=2',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'default_hooks.logger.interval=1',
    *(
        f'{loader}_dataloader.{setting}'
        for loader in ('train', 'val', 'test')
        for setting in ('num_workers=0', 'persistent_workers=False')
    ),
]
