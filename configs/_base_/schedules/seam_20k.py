# SEAM's segmentation schedule: batch 10 (2 GPUs x 5), lr * (1 - i / 20001) ** 0.9.
# Weight decay on convolution weights, none on the classifier's bias, which learns at 20x.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head': dict(lr_mult=10),
            'decode_head.conv_seg.bias': dict(lr_mult=20, decay_mult=0),
        }
    ),
)
# PolyLR divides by end - begin - 1.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=20002, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000, val_interval=2000)
auto_scale_lr = dict(enable=False, base_batch_size=10)
