# All stages from scratch on the synthetic scenes of tools/demo.py, minutes on two CPU cores.
# Needs: the data set that tools/demo.py writes below its output folder.
# Run: python tools/demo.py, or python tools/pipeline.py configs/pipelines/synthetic.py \
#   --data-root demo_output/dataset --out demo_output
# Gives: see the README.
cam = 'demo/cam_synthetic.py'
cams = 'demo/cam_synthetic.py'
# Background from half of the maximum (power 1) down to 0.28 of it (power 4) is left open.
affinity_labels = dict(powers=(1, 4), crf='cam')
affinity = 'demo/affinity_synthetic.py'
baseline = 'demo/baseline_synthetic.py'
oc = 'demo/oc_synthetic.py'
data = dict(
    root='demo_output/dataset',
    images='JPEGImages',
    classes=('boat', 'duck', 'car', 'bus', 'cow', 'sheep'),
    tags='image_tags.json',
    tag_source=None,
    true_masks='SegmentationClass',
    scored_list='ImageSets/Segmentation/train.txt',
    scored_images=100,
    val_masks='SegmentationClass',
    val_list='ImageSets/Segmentation/val.txt',
    supported=None,
)
tta = False
