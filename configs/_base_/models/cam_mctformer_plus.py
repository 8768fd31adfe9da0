# MCTformer+: trained at 448, position embeddings of their own for class tokens and patches,
# pooling weighted by rank, contrast between class tokens of all blocks. Maps: mean over all blocks,
# root of the product.
_base_ = './cam_mctformer.py'
model = dict(
    last_layers=12,
    layer_reduction='mean',
    sqrt_fused=True,
    backbone=dict(img_size=448, separate_pos_embed=True, token_layers=12),
    head=dict(rank_decay=0.996, contrast_weight=1.0),
)
# No background score is published for these maps, whose root lifts low values.
test_cfg = dict(background_threshold=None)
