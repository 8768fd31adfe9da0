default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='mmocr_wsss.AtomicCheckpointHook', by_epoch=False, interval=2000, max_keep_ckpts=2
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # With the seeded sampler and mmocr_wsss.SeedTransforms a resumed run equals an uninterrupted one.
    # Here and not in custom_hooks, which configs that add the loss set.
    iteration_seed=dict(type='mmocr_wsss.IterationSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
