# AffinityNet baseline on PASCAL VOC 2012: ResNet-38 DeepLab-LargeFOV on its pseudo masks.
# AffinityNet's authors released no segmentation code: model and schedule are SEAM's.
# Needs: pseudo masks in DATA_ROOT/pseudo_masks; pretrained/r38_imagenet.pth from "r38_mxnet"
#   (tools/model_converters/convert.py).
# Run (2 GPUs x 5 images): tools/dist_train.sh configs/segmentation/affinitynet_r38_voc.py 2 --data-root DATA_ROOT
# As published, BatchNorm is not synchronised: ranks differ in running statistics, and a validation
#   during training scores each rank's own; tools/test.py scores the saved ones (rank 0's).
# Gives: published in expected_results below (sources: docs/en/reproduce.md), not measured.
_base_ = [
    '../_base_/models/r38_seam.py',
    '../_base_/datasets/voc.py',
    '../_base_/pipelines/seam.py',
    '../_base_/schedules/seam_20k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(
    batch_size=5, dataset=dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
)
expected_results = [
    dict(metric='mIoU', published=61.7, split='val', source='AffinityNet paper, as listed'),
    dict(metric='mIoU', published=63.7, split='test', source='AffinityNet paper, as listed'),
]
