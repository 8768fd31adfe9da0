# AdamW of MCTformer's training; learning rate 5e-4 * batch / 512, so it belongs to a batch of 64.
# No decay for biases, LayerNorm, class tokens and position embeddings. MCTformer+ names its position
# embeddings otherwise (class_pos_embed, patch_pos_embed) and decays them, as published.
# The published runs use mixed precision: tools/train.py --amp. No gradient clipping.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6.25e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0),
        },
    ),
)
