# AffinityNet baseline on MS COCO 2014: ResNet-38 DeepLab-LargeFOV on its pseudo masks.
# No published code trains this: model and schedule are those of SEAM on VOC (our choice).
# Needs: pseudo masks in DATA_ROOT/pseudo_masks; pretrained/r38_imagenet.pth from "r38_mxnet"
#   (tools/model_converters/convert.py).
# Run (2 GPUs x 5 images): tools/dist_train.sh configs/segmentation/affinitynet_r38_coco.py 2 --data-root DATA_ROOT
# As published, BatchNorm is not synchronised: ranks differ in running statistics, and a validation
#   during training scores each rank's own; tools/test.py scores the saved ones (rank 0's).
# Gives: not measured, and we found no published number.
_base_ = [
    '../_base_/models/r38_seam.py',
    '../_base_/datasets/coco.py',
    '../_base_/pipelines/seam.py',
    '../_base_/schedules/seam_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(
    batch_size=5, dataset=dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
)
