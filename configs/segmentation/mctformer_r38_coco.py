# MCTformer baseline on MS COCO 2014: ResNet-38 DeepLab-LargeFOV on its pseudo masks.
# MCTformer's COCO settings are not in its repository: model and schedule are those of VOC.
# Needs: pseudo masks in DATA_ROOT/pseudo_masks; pretrained/r38_psa_cls.pth from PSA's res38_cls.pth by "r38"
#   (tools/model_converters/convert.py).
# Run (1 GPU x 4 images): python tools/train.py configs/segmentation/mctformer_r38_coco.py --data-root DATA_ROOT
# Gives: published in expected_results below (sources: docs/en/reproduce.md), not measured.
_base_ = [
    '../_base_/models/r38_mctformer.py',
    '../_base_/datasets/coco.py',
    '../_base_/pipelines/mctformer.py',
    '../_base_/schedules/mctformer_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(
    batch_size=4, dataset=dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
)
expected_results = [
    dict(metric='mIoU', published=42.0, split='val2014', source='MCTformer paper, as listed'),
]
