# MCTformer's segmentation schedule: batch 4 on one GPU, lr * (1 - i / 79350) ** 0.9.
# The published code passes its weight decay in the place of the momentum: momentum 1e-5 and
# no weight decay are what it ran with.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.0007, momentum=1e-5, weight_decay=0),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10)}),
)
# PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=79351, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=79350, val_interval=7935)
auto_scale_lr = dict(enable=False, base_batch_size=4)
