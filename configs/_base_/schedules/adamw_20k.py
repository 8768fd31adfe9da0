# AdamW with warm-up and polynomial decay for stock models; head at 10x.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys={'decode_head': dict(lr_mult=10)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=500, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0, begin=500, end=20001, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000, val_interval=2000)
auto_scale_lr = dict(enable=False, base_batch_size=16)
