# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``model-index.yml`` and the metafiles, which OpenMMLab's MIM reads, made from the configs.

The numbers of a model are those of ``expected_results`` in its config: measured ones become
``Results``, which MIM shows as ours; those of papers go to ``Published Results``, which MIM does
not read. There is no ``Weights``, since no weights are published.
"""

from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.fileio import dump

from mmocr_wsss.engine.expected_results import (
    Measured,
    Published,
    read_expected_results,
    scored_list,
)

#: Folders of ``configs`` whose files are trainings; those of drawn scenes (``demo``) are left out.
FOLDERS = ('cam', 'affinity', 'segmentation', 'ocr')
_TASK = 'Semantic Segmentation'
_ARXIV = 'https://arxiv.org/abs/'
_HEADER = '# Written by tools/write_model_index.py from the configs; change those, not this file.\n'


class _Collection(NamedTuple):
    name: str
    title: str | None = None
    arxiv: str | None = None


_CAM = _Collection(
    'Class Activation Mapping',
    'Learning Deep Features for Discriminative Localization',
    '1512.04150',
)
_AFFINITY = _Collection(
    'AffinityNet',
    'Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised '
    'Semantic Segmentation',
    '1803.10464',
)
_SEAM = _Collection(
    'SEAM',
    'Self-supervised Equivariant Attention Mechanism for Weakly Supervised Semantic Segmentation',
    '2004.04581',
)
_MCTFORMER = _Collection(
    'MCTformer',
    'Multi-class Token Transformer for Weakly Supervised Semantic Segmentation',
    '2203.02891',
)
_MCTFORMER_PLUS = _Collection(
    'MCTformer+',
    'MCTformer+: Multi-Class Token Transformer for Weakly Supervised Semantic Segmentation',
    '2308.03005',
)
_SEGMENTATION = _Collection('Segmentation from Pseudo Masks')
_OUT_OF_CANDIDATE = _Collection(
    'Out-of-Candidate Rectification',
    'Out-of-Candidate Rectification for Weakly Supervised Semantic Segmentation',
    '2211.12268',
)
#: Beginning of ``FOLDER/NAME`` -> collection; the first that fits.
_COLLECTIONS = {
    'cam/seam': _SEAM,
    'cam/mctformer_plus': _MCTFORMER_PLUS,
    'cam/mctformer': _MCTFORMER,
    'cam/': _CAM,
    'affinity/': _AFFINITY,
    'segmentation/': _SEGMENTATION,
    'ocr/': _OUT_OF_CANDIDATE,
}
#: End of a config's name -> data set.
_DATA = {
    'voc': 'PASCAL VOC 2012',
    'coco': 'MS COCO 2014',
    'voc-animals': 'PASCAL VOC 2012, photos with animals',
}


def model_index_files(root: Path) -> dict[str, str]:
    """{path below ``root``: text} of the index and of a metafile per folder of recipes.

    Args:
        root: the folder that holds ``configs``.

    Raises:
        FileNotFoundError: there is no such folder.
        KeyError: the name of a config ends with none of the known data sets.
    """
    if not Path(root, 'configs').is_dir():
        raise FileNotFoundError(f'--root {root}: there is no folder configs in it.')
    metafiles = {f'configs/{folder}/metafile.yml': _metafile(root, folder) for folder in FOLDERS}
    index = "# Read by OpenMMLab's MIM; lists the recipes. No weights are published.\n"
    return {'model-index.yml': index + _HEADER + _yaml({'Import': list(metafiles)}), **metafiles}


def _metafile(root: Path, folder: str) -> str:
    collections, models = {}, []
    for path in sorted((root / 'configs' / folder).glob('*.py')):
        name = f'{folder}/{path.stem}'
        collection = next(c for start, c in _COLLECTIONS.items() if name.startswith(start))
        collections[collection.name] = _collection(collection)
        models.append(_model(path, f'configs/{name}.py', collection.name))
    return _HEADER + _yaml({'Collections': list(collections.values()), 'Models': models})


def _collection(collection: _Collection) -> dict[str, Any]:
    entry: dict[str, Any] = {'Name': collection.name, 'License': 'Apache-2.0'}
    if collection.title:
        entry['Paper'] = {'Title': collection.title, 'URL': f'{_ARXIV}{collection.arxiv}'}
    return entry


def _model(path: Path, config: str, collection: str) -> dict[str, Any]:
    cfg = Config.fromfile(path)
    data = _DATA[path.stem.rpartition('_')[2]]
    entries = read_expected_results(cfg) if cfg.get('expected_results') else []
    measured = [entry for entry in entries if isinstance(entry, Measured)]
    published = [entry for entry in entries if isinstance(entry, Published)]
    entry: dict[str, Any] = {
        'Name': f'{path.parent.name}_{path.stem}',
        'In Collection': collection,
        'Config': config,
        'Metadata': _metadata(cfg, data),
    }
    if measured:
        scored = ' '.join(filter(None, [data, scored_list(cfg)]))
        metrics = {name: value for name, value, _ in measured}
        entry['Results'] = [{'Task': _TASK, 'Dataset': scored, 'Metrics': metrics}]
    if published:
        entry['Published Results'] = [_published(number, data) for number in published]
    return entry


def _metadata(cfg: Config, data: str) -> dict[str, Any]:
    batch = cfg.get('auto_scale_lr', {}).get('base_batch_size') or cfg.train_dataloader.batch_size
    parts = [cfg.model.get(part) for part in ('backbone', 'decode_head', 'head')]
    return {
        'Training Data': data,
        'Iterations': cfg.train_cfg.max_iters,
        'Batch Size': batch,
        'Architecture': [_kind(part) for part in parts if part],
    }


def _kind(part: dict[str, Any]) -> str:
    return part.get('model_name') or part['type'].removeprefix('mmocr_wsss.')


def _published(number: Published, data: str) -> dict[str, Any]:
    scored = ' '.join(filter(None, [data, number.split]))
    metric = f'gain in {number.metric}' if number.gain else number.metric
    return {
        'Task': _TASK,
        'Dataset': scored,
        'Metrics': {metric: number.value},
        'Source': number.source,
    }


def _yaml(content: dict[str, Any]) -> str:
    return dump(content, file_format='yaml', sort_keys=False, allow_unicode=True, width=100)
