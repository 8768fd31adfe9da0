# A CAM classifier on mmpretrain's ResNet-50 at stride 16, trained on tags alone.
_base_ = __import__('mmocr_wsss').config_path('cam/affinitynet_r38_voc.py')
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        out_indices=(3,),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    head=dict(in_channels=2048),
)
