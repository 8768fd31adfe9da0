# SEAM's segmenter with out-of-candidate rectification, on one GPU: half the crop, all ten photos.
_base_ = __import__('mmocr_wsss').config_path('ocr/seam_r38_voc.py')
model = dict(
    data_preprocessor=dict(size=(224, 224)),
    loss_oc=dict(start_iter=0.25, loss_weight=0.5),
)
# A list is replaced as a whole, so the inherited pipeline is taken and its crop changed.
train_pipeline = _base_.train_pipeline
train_pipeline[6].update(crop_size=(224, 224))
train_dataloader = dict(batch_size=10, dataset=dict(dataset=dict(pipeline=train_pipeline)))
