# SegFormer-B0 with out-of-candidate rectification on this project's own data and classes.
_base_ = __import__('mmocr_wsss').config_path('ocr/segformer_mit-b0_voc.py')
model = dict(decode_head=dict(num_classes=4))
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        tags='image_tags.json',
        dataset=dict(
            _delete_=True,
            type='orchard.OrchardPhotos',
            data_root='data/orchard',
            pipeline=_base_.train_pipeline,
        ),
    ),
)
# Nothing here has true masks; the log shows loss_oc and oc_rate.
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
