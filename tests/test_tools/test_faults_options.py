# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Options of every tool that are wrong: said before any work, by the name of the option."""

import pytest
from fault_cases import Fault

TRAIN = 'train {seam} --data-root {root} --work-dir {work} '
SHIFT = 'analysis/background_shift {seam} --data-root {root}'
OC = 'analysis/oc_report {seam} {weights} --data-root {root} --work-dir {work}'
BROWSE = 'analysis/browse_dataset {seam} --data-root {root} --out {out}'
TAGS = 'dataset_converters/from_tags {photos} --out {out} --classes {classes} --tags {tags}'
PIPELINE = 'pipeline {pipeline_config} --data-root {root} --out {out}'
RUN = 'experiments/run gone.py --out {out}'

FAULTS = [
    # train
    Fault('train: no config', 'train', ('required: config',), code=2),
    Fault('train: config is a folder', 'train {root}', ('there is no config', 'data'), code=1),
    Fault(
        'train: unknown option', 'train {seam} --gpu 2', ('unrecognized arguments: --gpu',), code=2
    ),
    Fault('train: device', 'train {seam} --device tpu', ('--device', "'tpu'", 'cpu'), code=2),
    Fault(
        'train: rank',
        'train {seam} --local-rank x',
        ('--local_rank', "invalid int value: 'x'"),
        code=2,
    ),
    Fault(
        'train: data root is a file',
        'train {seam} --data-root {tags}',
        ('--data-root: there is no folder', 'image_tags.json'),
    ),
    Fault(
        'train: option without value',
        'train {seam} --cfg-options',
        ('--cfg-options', 'expected at least one argument'),
        code=2,
    ),
    Fault(
        'train: mpi without GPU',
        TRAIN + '--device cpu --launcher mpi --cfg-options {small}',
        ('--launcher mpi needs a GPU', 'tools/dist_train.sh'),
    ),
    Fault(
        'train: resume from elsewhere',
        TRAIN + '--resume --cfg-options {small} load_from=gone.pth',
        ('load_from', "'gone.pth'"),
    ),
    Fault(
        'train: amp for another wrapper',
        'train {seam} --amp --cfg-options {small} optim_wrapper.type=Other',
        ('--amp replaces', "'Other'"),
    ),
    # test
    Fault('test: no checkpoint', 'test {seam}', ('required: checkpoint',), code=2),
    Fault(
        'test: wait time',
        'test {seam} {weights} --wait-time long',
        ('--wait-time', "'long'"),
        code=2,
    ),
    Fault(
        'test: tta of CAMs',
        'test {cam_config} {weights} --data-root {root} --tta',
        ('--tta', 'tta_model', 'CAMs need none'),
    ),
    Fault(
        'test: show-dir of CAMs',
        'test {cam_config} {weights} --data-root {root} --show-dir {out}',
        ('--show-dir', 'show_cams.py'),
    ),
    Fault(
        'test: out without writer',
        'test {seam} {weights} --out {out} --cfg-options test_evaluator=[]',
        ('--out needs one of IoUMetric',),
    ),
    # background_shift
    Fault('shift: no group', SHIFT, ('required: --group',), code=2),
    Fault(
        'shift: group without checkpoint',
        SHIFT + ' --group alone',
        ('--group takes a name', "'alone'"),
    ),
    Fault(
        'shift: group twice',
        SHIFT + ' --group a {weights} --group a {weights}',
        ('--group takes a name of its own',),
    ),
    Fault(
        'shift: shifts',
        SHIFT + ' --group a {weights} --shifts much',
        ('--shifts', "'much'"),
        code=2,
    ),
    Fault(
        'shift: min pixels',
        SHIFT + ' --group a {weights} --min-pixels 0',
        ('--min-pixels', 'must be at least 1, got 0'),
        code=2,
    ),
    Fault(
        'shift: of a classifier',
        'analysis/background_shift {cam_config} --group a {weights}',
        ('is not of a segmenter', 'configs/ocr'),
    ),
    Fault(
        'shift: out is a folder',
        SHIFT + ' --group a {weights} --work-dir {work} --out {root} --cfg-options {small}',
        ('--out', 'data', 'folder'),
    ),
    # browse_dataset
    Fault(
        'browse: both choices',
        BROWSE + ' --ids a --number 3',
        ('not allowed with argument',),
        code=2,
    ),
    Fault('browse: unknown id', BROWSE + ' --ids gone', ('--ids', 'gone')),
    Fault(
        'browse: number', BROWSE + ' --number 0', ('--number', 'must be at least 1, got 0'), code=2
    ),
    Fault('browse: seed', BROWSE + ' --seed -1', ('--seed', 'at least 0'), code=2),
    Fault('browse: split', BROWSE + ' --split trainval', ('--split', "'trainval'"), code=2),
    Fault(
        'browse: no config',
        'analysis/browse_dataset gone.py --out {out}',
        ('gone.py: no such file',),
    ),
    # evaluate_cams
    Fault('evaluate: no masks', 'analysis/evaluate_cams {cams}', ('give --masks',), code=2),
    Fault(
        'evaluate: tags of CAMs',
        'analysis/evaluate_cams {cams} --tags {tags}',
        ('--tags is for --pseudo-masks',),
        code=2,
    ),
    Fault(
        'evaluate: folder', 'analysis/evaluate_cams gone --masks {true}', ('gone: no such folder',)
    ),
    Fault(
        'evaluate: masks', 'analysis/evaluate_cams {cams} --masks gone', ('gone: no such folder',)
    ),
    Fault(
        'evaluate: classes',
        'analysis/evaluate_cams {cams} --masks {true} --classes voc99',
        ('--classes voc99', 'neither one of', 'coco14'),
    ),
    Fault(
        'evaluate: supported',
        'analysis/evaluate_cams {cams} --masks {true} --supported unicorn',
        ('--supported', 'unicorn'),
    ),
    Fault(
        'evaluate: threshold',
        'analysis/evaluate_cams {cams} --masks {true} --threshold 7',
        ('--threshold must be within 0..1', '7.0'),
    ),
    Fault(
        'evaluate: min pixels',
        'analysis/evaluate_cams {cams} --masks {true} --min-pixels 0',
        ('--min-pixels', 'at least 1, got 0'),
        code=2,
    ),
    Fault(
        'evaluate: jobs',
        'analysis/evaluate_cams {cams} --masks {true} --jobs 0',
        ('--jobs', 'at least 1, got 0'),
        code=2,
    ),
    Fault(
        'evaluate: out is a folder',
        'analysis/evaluate_cams {cams} --masks {true} --out {root}',
        ('--out', 'data', 'folder'),
    ),
    # oc_report
    Fault('report: number', OC + ' --number -1', ('--number', 'at least 0, got -1'), code=2),
    Fault('report: out is no page', OC + ' --out {out}.txt', ('--out', '.txt', 'HTML')),
    Fault('report: logs', OC + ' --logs gone', ('gone',)),
    Fault(
        'report: of a classifier',
        'analysis/oc_report {cam_config} {weights}',
        ('is not of a segmenter',),
    ),
    # show_cams
    Fault(
        'show: number',
        'analysis/show_cams {cams} --images {photos} --out {out} --num 0',
        ('--num', 'at least 1, got 0'),
        code=2,
    ),
    Fault(
        'show: images',
        'analysis/show_cams {cams} --images gone --out {out}',
        ('gone: no such folder',),
    ),
    Fault(
        'show: suffix',
        'analysis/show_cams {cams} --images {photos} --out {out} --img-suffix .gif',
        ('.gif',),
    ),
    # affinity labels
    Fault(
        'labels: one power',
        'make_affinity_labels {cams} --images {photos} --out {out} --powers 4',
        ('--powers', 'expected 2'),
        code=2,
    ),
    Fault(
        'labels: powers swapped',
        'make_affinity_labels {cams} --images {photos} --out {out} --powers 24 4',
        ('powers', '24', '4'),
    ),
    Fault(
        'labels: crf',
        'make_affinity_labels {cams} --images {photos} --out {out} --crf best',
        ('crf', "'best'", 'seam_random_walk'),
    ),
    Fault(
        'labels: jobs',
        'make_affinity_labels {cams} --images {photos} --out {out} --jobs 0',
        ('--jobs', 'at least 1, got 0'),
        code=2,
    ),
    Fault(
        'labels: photos',
        'make_affinity_labels {cams} --images gone --out {out}',
        ('gone', 'no such'),
    ),
    # pseudo masks
    Fault(
        'masks: threshold for irn',
        'make_pseudo_masks {cams} {out} --method irn --threshold 0.2',
        ('--threshold is for --method threshold',),
        code=2,
    ),
    Fault(
        'masks: threshold',
        'make_pseudo_masks {cams} {out} --threshold 1.5',
        ('--threshold must be within 0..1', '1.5'),
    ),
    Fault(
        'masks: irn swapped',
        'make_pseudo_masks {cams} {out} --method irn --irn-thresholds 0.05 0.3 --images {photos}',
        ('irn', '0.05', '0.3'),
    ),
    Fault('masks: crf without photos', 'make_pseudo_masks {cams} {out} --crf cam', ('--images',)),
    Fault(
        'masks: method',
        'make_pseudo_masks {cams} {out} --method best',
        ('--method', "'best'"),
        code=2,
    ),
    # convert_cams
    Fault('cams: format', 'convert_cams {cams} {out} --to mat', ('--to', "'mat'"), code=2),
    Fault(
        'cams: stride for npy',
        'convert_cams {cams} {out} --to npy --stride 4',
        ('--stride is for --to npz',),
        code=2,
    ),
    Fault(
        'cams: stride',
        'convert_cams {cams} {out} --to npz --stride 0',
        ('--stride', 'at least 1, got 0'),
        code=2,
    ),
    Fault('cams: nothing to read', 'convert_cams {photos} {out} --to npz', ('holds no .npy file',)),
    # prepare_tags
    Fault(
        'tags: classes',
        'prepare_tags {tags} {out}.json --classes voc99',
        ('--classes voc99', 'neither one of'),
    ),
    Fault(
        'tags: source', 'prepare_tags gone.json {out}.json --classes voc', ('gone.json', 'no such')
    ),
    Fault(
        'tags: list',
        'prepare_tags {tags} {out}.json --classes voc --ids gone.txt',
        ('gone.txt: no such file',),
    ),
    # from_tags
    Fault('own: both sources', TAGS + ' --folder-per-class', ('not allowed with',), code=2),
    Fault('own: share', TAGS + ' --val-share 2', ('--val-share', '0 <= share < 1', '2.0')),
    Fault('own: jobs', TAGS + ' --jobs 0', ('--jobs', 'at least 1, got 0'), code=2),
    Fault('own: classes', TAGS.replace('{classes}', 'gone.txt'), ('gone.txt',)),
    Fault('own: out inside', TAGS.replace('{out}', '{photos}/out'), ('out', 'JPEGImages')),
    # other converters
    Fault('voc: folder', 'dataset_converters/voc12 gone gone', ('gone', 'no such')),
    Fault(
        'voc: jobs',
        'dataset_converters/voc12 {root} {root} --jobs none',
        ('--jobs', "'none'"),
        code=2,
    ),
    Fault('coco: folder', 'dataset_converters/coco14 gone --out {out}', ('gone',)),
    Fault('coco: neither', 'dataset_converters/coco14 {root}', ('--out', '--compare'), code=2),
    Fault(
        'coco: crowd',
        'dataset_converters/coco14 {root} --out {out} --crowd all',
        ('crowd', "'all'", 'ignore'),
    ),
    Fault(
        'coco: split',
        'dataset_converters/coco14 {root} --out {out} --splits test2014',
        ('test2014',),
    ),
    Fault(
        'weights: kind',
        'model_converters/convert {weights} {out}.pth --from r50',
        ('--from', "'r50'"),
        code=2,
    ),
    Fault(
        'weights: direction',
        'model_converters/convert {weights} {out}.pth --from r38_mxnet --to official',
        ('--to official works for', "'r38_mxnet'"),
    ),
    Fault(
        'onnx: size',
        'model_converters/export_onnx {seam} {weights} {out}.onnx --size 64',
        ('--size', 'expected 2'),
        code=2,
    ),
    Fault(
        'onnx: of a classifier',
        'model_converters/export_onnx {cam_config} {weights} {out}.onnx --size 64 64',
        ('is not of a segmenter',),
    ),
    # predict
    Fault(
        'predict: batch',
        'predict {seam} {weights} {photo} --out {out} --batch-size 0',
        ('--batch-size', 'at least 1'),
        code=2,
    ),
    Fault(
        'predict: input',
        'predict {seam} {weights} gone.jpg --out {out} --cfg-options {model}',
        ('gone.jpg',),
    ),
    Fault(
        'predict: restrict',
        'predict {seam} {weights} {photo} --out {out} --restrict --cfg-options {model}',
        ('--restrict', '--tags'),
    ),
    Fault(
        'predict: tags',
        'predict {seam} {weights} {photo} --out {out} --tags gone.json --cfg-options {model}',
        ('gone.json',),
    ),
    # pipeline, experiments, demo, index
    Fault(
        'pipeline: stage', PIPELINE + ' --only cats', ("there is no stage 'cats'", 'pseudo_masks')
    ),
    Fault('pipeline: order', PIPELINE + ' --from oc --to cam', ('--from oc comes after --to cam',)),
    Fault(
        'pipeline: only and from',
        PIPELINE + ' --only cam --from cam',
        ('--only goes without',),
        code=2,
    ),
    Fault(
        'pipeline: setting',
        PIPELINE + ' --cfg-options train_cfg.max_iters=2',
        ('STAGE.KEY=VALUE', "'train_cfg.max_iters=2'"),
    ),
    Fault(
        'pipeline: setting of a loop',
        PIPELINE + ' --dry-run --cfg-options oc.train_cfg.max_iter=2',
        ('train_cfg.max_iter: IterBasedTrainLoop has no such setting; it has max_iters',),
    ),
    Fault(
        'pipeline: number of a late stage',
        PIPELINE + ' --cfg-options oc.train_cfg.max_iters=0',
        ('train_cfg.max_iters must be an integer of at least 1',),
    ),
    Fault(
        'pipeline: no such place',
        PIPELINE + ' --cfg-options affinity.train_cfg.max_iters.x=3',
        ('--cfg-options train_cfg.max_iters.x=3', 'affinity'),
    ),
    Fault(
        'pipeline: out',
        'pipeline {pipeline_config} --data-root {root} --out "{out} two"',
        ('--out must be a path without', "' '"),
    ),
    Fault('pipeline: gpus', PIPELINE + ' --gpus -1', ('--gpus', 'at least 0'), code=2),
    Fault(
        'pipeline: other config',
        'pipeline {seam} --data-root {root} --out {out}',
        ('a pipeline config has', 'unknown'),
    ),
    Fault('experiment: config', RUN, ('gone.py',)),
    Fault('experiment: seeds', RUN + ' --seeds -1', ('--seeds', 'at least 0'), code=2),
    Fault('demo: number', 'demo --out {out} --num-train 0', ('--num-train', 'at least 1'), code=2),
    Fault('demo: data', 'demo --out {out} --data-root gone', ('gone',)),
    Fault('index: root', 'write_model_index --root {out}', ('--root', 'no folder configs')),
]


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_wrong_option(fault, is_told):
    is_told(fault)
