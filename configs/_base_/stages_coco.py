# What the pipelines on MS COCO 2014 share (tools/pipeline.py). Paths are relative to data.root
#   (--data-root), configs to the folder configs/.
data = dict(
    root='data/coco14',
    images='images/train2014',
    classes='coco14',
    tags='image_tags.json',  # by tools/prepare_tags.py
    tag_source=None,
    # True masks are only scored against. CAMs and pseudo masks on scored_list (None: not at all),
    # segmenters on val_list and, for the figure, on the first scored_images of scored_list.
    true_masks='masks/train2014',
    scored_list='lists/train2014.txt',
    scored_images=200,
    val_masks='masks/val2014',
    val_list='lists/val2014.txt',
    supported=None,  # classes with a mean of their own beside that over all
)
tta = True  # val with the scales, flips and CRF of the published code
