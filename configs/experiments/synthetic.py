# The comparison of voc-animals.py on the drawn scenes of tools/demo.py: minutes, and no data needed.
# Needs: the scenes that tools/demo.py writes below its output folder.
# Run: python tools/experiments/run.py configs/experiments/synthetic.py \
#   --data-root demo_output/dataset
# Gives: docs/en/evidence_synthetic.md.
_base_ = './voc-animals.py'
pipeline = 'pipelines/synthetic.py'
config = 'demo/oc_synthetic.py'
common = {'_delete_': True, 'default_hooks.checkpoint.interval': 200}
seeds = dict(_delete_=True, main=5, ablation=3)
train_photos = 100
min_pixels = 1
groups = dict(
    _delete_=True,
    main={{_base_.groups.main}},
    split={{_base_.groups.split}},
    background={{_base_.groups.background}},
    weight={{_base_.groups.weight}},
)
