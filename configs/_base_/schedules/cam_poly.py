# SGD of PSA's training scripts, which SEAM took over. They pass the weight decay in the place of
# the momentum: a momentum of 5e-4 is what they ran with (the papers do not say so). The head
# learns at 10x; biases would at 2x and 20x, undecayed, but ResNet-38 and these heads have none.
# A key holds wherever it is part of a name: 'head' would also be EfficientNet's conv_head.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2,
        bias_decay_mult=0,
        custom_keys={
            'head.classifier': dict(lr_mult=10),
            'head.correlation': dict(lr_mult=10),
            'head.classifier.bias': dict(lr_mult=20, decay_mult=0),
        },
    ),
)
