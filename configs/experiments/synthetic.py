# The comparison of voc-animals.py on the drawn scenes of tools/demo.py: minutes, and no data needed.
# Needs: the scenes that tools/demo.py writes below its output folder.
# Run: python tools/experiments/run.py configs/experiments/synthetic.py \
#   --data-root demo_output/dataset
# Gives: docs/en/evidence_synthetic.md.
pipeline = 'pipelines/synthetic.py'
config = 'demo/oc_synthetic.py'
common = {'default_hooks.checkpoint.interval': 200}
seeds = dict(main=5, ablation=3)
train_photos = 100
min_pixels = 1
groups = dict(
    main=dict(title='Main comparison', rows=dict(oc=dict()), default='oc'),
    split=dict(
        title='Split of the candidates',
        default='adaptive',
        rows=dict(
            all=dict(loss=dict(split='all')),
            prior=dict(loss=dict(split='prior')),
            posterior=dict(loss=dict(split='posterior')),
            adaptive=dict(),
        ),
    ),
    background=dict(
        title='Background in the in-candidate group',
        default='yes',
        rows={'yes': dict(), 'no': dict(loss=dict(group_background=False))},
    ),
    weight=dict(
        title='Loss weight',
        default='3',
        rows={
            '1': dict(loss=dict(loss_weight=1.0)),
            '3': dict(),
            '10': dict(loss=dict(loss_weight=10.0)),
        },
    ),
)
