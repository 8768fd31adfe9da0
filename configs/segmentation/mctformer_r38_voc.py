# MCTformer baseline on PASCAL VOC 2012: ResNet-38 DeepLab-LargeFOV on its pseudo masks.
# Needs: pseudo masks in DATA_ROOT/pseudo_masks; pretrained/r38_psa_cls.pth from PSA's res38_cls.pth by "r38"
#   (tools/model_converters/convert.py).
# Run (1 GPU x 4 images): python tools/train.py configs/segmentation/mctformer_r38_voc.py --data-root DATA_ROOT
# Gives: published in expected_results below (sources: docs/en/reproduce.md), not measured.
_base_ = [
    '../_base_/models/r38_mctformer.py',
    '../_base_/datasets/voc.py',
    '../_base_/pipelines/mctformer.py',
    '../_base_/schedules/mctformer_30e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(
    batch_size=4, dataset=dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
)
expected_results = [
    dict(metric='mIoU', published=71.9, split='val', source='MCTformer paper, as listed'),
    dict(metric='mIoU', published=71.6, split='test', source='MCTformer paper, as listed'),
]
