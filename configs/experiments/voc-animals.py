# Does the loss help? Baseline and loss from the same seeds, one thing changed per group.
# Needs: photos with a long side of about 320 in a VOC-layout DATA_ROOT with true masks of val.
# Run: python tools/experiments/run.py configs/experiments/voc-animals.py --data-root DATA_ROOT
# Gives: docs/en/evidence.md.
pipeline = 'pipelines/effnet-lite0_voc-animals.py'
config = 'ocr/effnet-lite0_voc-animals.py'
# Of all runs: small crops and stride 32, so that two cores can train long enough for the baseline
# to learn all but the rarest class. For the same reason the backbone is the CAM classifier's.
common = {
    'model.backbone.init_cfg.checkpoint': '{classifier}',
    'model.backbone.init_cfg.prefix': 'backbone.',
    'model.backbone.output_stride': 32,
    'model.data_preprocessor.size': (128, 128),
    'train_dataloader.dataset.dataset.pipeline.5.crop_size': (128, 128),
    'train_dataloader.num_workers': 1,
    'test_dataloader.num_workers': 1,
    'train_cfg.max_iters': 600,
    'param_scheduler.1.end': 601,
    'default_hooks.checkpoint.interval': 150,
}
seeds = dict(main=5, balance=5, ablation=3)
train_photos = 200
min_pixels = 200000
# mmseg divides by the weights of the pixels that are not ignored either way, and fails where both
# are given.
light_background = {
    'model.decode_head.loss_decode.class_weight': [0.35] + [1.0] * 20,
    'model.decode_head.loss_decode.avg_non_ignore': False,
}
groups = dict(
    main=dict(title='Main comparison', rows=dict(oc=dict()), default='oc'),
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
    masks=dict(
        title='Pseudo masks',
        default='random walk',
        rows={
            'raw CAM': dict(masks='cam'),
            'CAM + CRF': dict(masks='crf'),
            'random walk': dict(),
            'true masks': dict(masks='true'),
        },
    ),
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
    warmup=dict(
        title='Start of the loss, share of the schedule',
        default='0.5',
        rows={
            '0': dict(loss=dict(start_iter=0)),
            '0.25': dict(loss=dict(start_iter=0.25)),
            '0.5': dict(),
            '0.75': dict(loss=dict(start_iter=0.75)),
        },
    ),
    alternatives=dict(
        title='Instead of the loss',
        rows={
            'cross entropy on non-candidate scores': dict(
                loss=dict(type='mmocr_wsss.NonCandidateBCELoss', loss_weight=1.0)
            ),
            'softmax over the candidates': dict(
                oc={'model.type': 'mmocr_wsss.CandidateSoftmaxEncoderDecoder'},
                loss=dict(loss_weight=0.0),
            ),
        },
    ),
    threshold=dict(
        title='Threshold of the group',
        default='0.2',
        rows={
            '0': dict(loss=dict(threshold=0.0)),
            '0.2': dict(),
            '0.5': dict(loss=dict(threshold=0.5)),
        },
    ),
    margin=dict(
        title='Margin, logits',
        default='0',
        rows={
            '0': dict(),
            '1': dict(loss=dict(margin=1.0)),
            '3': dict(loss=dict(margin=3.0)),
        },
    ),
    ranking=dict(
        title='Ranking',
        default='all',
        rows={'all': dict(), 'best': dict(loss=dict(ranking='best'))},
    ),
    average=dict(
        title='Divided by the number of',
        default='valid pixels, weight 3',
        rows={
            'valid pixels, weight 3': dict(),
            'OC pixels, weight 0.1': dict(loss=dict(average='oc', loss_weight=0.1)),
        },
    ),
    size=dict(
        title='Size of the logits',
        default='head',
        rows={'head': dict(), 'labels': dict(oc={'model.loss_oc_size': 'labels'})},
    ),
    balance=dict(
        title='Weight of the background in the cross entropy of both sides',
        default='1',
        rows={
            '1': dict(),
            '0.35': dict(both=light_background),
            '0.1': dict(
                both={
                    **light_background,
                    'model.decode_head.loss_decode.class_weight': [0.1] + [1.0] * 20,
                }
            ),
        },
    ),
    # Seven in eight OC pixels lie on true foreground: does the loss gain where the baseline is
    # balanced and the group holds the tags alone?
    balanced=dict(
        title='With the background at weight 0.35 on both sides',
        rows={
            'as by default': dict(both=light_background),
            'without background': dict(both=light_background, loss=dict(group_background=False)),
            'without background, weight 10': dict(
                both=light_background, loss=dict(group_background=False, loss_weight=10.0)
            ),
        },
    ),
    data=dict(
        title='Training photos',
        default='all',
        rows={'all': dict(), 'a third': dict(share=0.33), 'a tenth': dict(share=0.1)},
    ),
)
del light_background  # no setting of an experiment
