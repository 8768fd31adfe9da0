# Does the loss help? Baseline and loss from the same seeds, one thing changed per group.
# Needs: photos with a long side of about 320 in a VOC-layout DATA_ROOT with true masks of val.
# Run: python tools/experiments/run.py configs/experiments/voc-animals.py --data-root DATA_ROOT
# Gives: docs/en/evidence.md.
pipeline = 'pipelines/effnet-lite0_voc-animals.py'
config = 'ocr/effnet-lite0_voc-animals.py'
# Of all runs.
common = {
    'model.backbone.output_stride': 32,
    'model.loss_oc.start_iter': 0.5,
    'train_dataloader.num_workers': 1,
    'test_dataloader.num_workers': 1,
    'train_cfg.max_iters': 400,
    'param_scheduler.1.end': 401,
    'default_hooks.checkpoint.interval': 100,
}
seeds = dict(main=5, ablation=3)
train_photos = 200
min_pixels = 200000
groups = dict(
    main=dict(title='Main comparison', rows=dict(oc=dict()), default='oc'),
    split=dict(
        title='Split of the candidates',
        default='adaptive',
        rows=dict(
            adaptive=dict(),
            all=dict(loss=dict(split='all')),
            prior=dict(loss=dict(split='prior')),
            posterior=dict(loss=dict(split='posterior')),
        ),
    ),
)
