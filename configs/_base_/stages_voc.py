# What the pipelines on PASCAL VOC 2012 share (tools/pipeline.py). Paths are relative to data.root
#   (--data-root), configs to the folder configs/.
data = dict(
    root='data/VOCdevkit/VOC2012',
    images='JPEGImages',
    classes='voc',
    tags='image_tags.json',  # made from tag_source where it is not there
    tag_source='Annotations',
    # True masks are only scored against. CAMs and pseudo masks on scored_list (None: not at all),
    # segmenters on val_list and, for the figure, on the first scored_images of scored_list.
    true_masks='SegmentationClassAug',
    scored_list='ImageSets/Segmentation/train.txt',
    scored_images=200,
    val_masks='SegmentationClassAug',
    val_list='ImageSets/Segmentation/val.txt',
    supported=None,  # classes with a mean of their own beside that over all
)
tta = True  # val with the scales, flips and CRF of the published code
