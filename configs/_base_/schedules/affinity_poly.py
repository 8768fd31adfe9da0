# SGD as in cam_poly.py (momentum 5e-4: the published code passes the weight decay in its place).
# The head learns at 10x.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={'head.reduce': dict(lr_mult=10), 'head.embed': dict(lr_mult=10)}
    ),
)
