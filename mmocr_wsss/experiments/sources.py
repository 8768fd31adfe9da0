# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What all trainings of an experiment share: data, pseudo masks, initial weights, lists."""

import hashlib
import os
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

import mmocr_wsss
from mmocr_wsss.artifacts import atomic_path, sha256_of_file
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.pipeline.commands import repository, tool_command
from mmocr_wsss.pipeline.layout import Layout, read_pipeline
from mmocr_wsss.pipeline.plan import Planner

#: How the masks of ``grid.MASKS`` are made from the pipeline's CAMs, beside 'walk' and 'true'.
_FROM_CAMS = {'cam': [], 'crf': ['--crf', 'cam']}


class Sources:
    """Places and digests of the inputs, and the commands that make what is missing.

    Args:
        pipeline: config of the pipeline.
        data_root: folder of the data, in VOC layout; None: as in that config.
        out: folder of the experiment.
        pipeline_out: folder of the pipeline; None: ``OUT/pipeline``.
        train_photos: training photos that are measured, taken evenly from the list.
    """

    def __init__(
        self,
        pipeline: str,
        data_root: str | None,
        out: Path,
        pipeline_out: str | None,
        train_photos: int,
    ) -> None:
        self.pipeline = pipeline
        self.cfg = read_pipeline(pipeline, data_root)
        self.data = self.cfg['data']
        self.root = Path(self.data['root']).resolve()
        self.out = out
        self.layout = Layout(Path(pipeline_out).resolve() if pipeline_out else out / 'pipeline')
        self.train_photos = train_photos
        self._digests: dict[str, str] = {}

    @cached_property
    def all_train(self) -> tuple[str, ...]:
        """Ids of the training photos, in the order of the list."""
        dataset = Config.fromfile(self.cfg['oc']).train_dataloader.dataset.dataset
        return read_id_list(self.root / dataset.ann_file)

    def train_list(self, share: float) -> Path:
        """List of the first ``share`` of the training photos, in an order by their hash."""
        return self.out / 'lists' / f'train_{share:g}.txt'

    @property
    def measured_list(self) -> Path:
        """List of the photos that every run is tested on."""
        return self.out / 'lists' / 'measured.txt'

    @property
    def train_measured_list(self) -> Path:
        """Those of them that are training photos."""
        return self.out / 'lists' / 'measured_train.txt'

    @property
    def val_list(self) -> Path:
        """The validation photos."""
        return self.root / self.data['val_list']

    @property
    def true_masks(self) -> Path:
        """Folder of the true masks, for scoring."""
        return self.root / self.data['true_masks']

    @property
    def tags(self) -> Path:
        """Table of the image-level tags."""
        return self.root / self.data['tags']

    @property
    def predicted_tags(self) -> Path:
        """Tags of the validation photos as the CAM classifier sees them."""
        return self.out / 'predicted_tags.json'

    def masks(self, kind: str) -> Path:
        """Folder of masks, by a name of ``grid.MASKS``."""
        if kind == 'true':
            return self.true_masks
        if kind == 'walk':
            return self.layout.stage('pseudo_masks') / 'files'
        return self.out / 'masks' / kind

    def masks_digest(self, kind: str) -> str:
        """Of the content of all training masks of a kind."""
        if kind not in self._digests:
            digest, folder = hashlib.sha256(), self.masks(kind)
            for image_id in sorted(self.all_train):
                digest.update(image_id.encode() + (folder / f'{image_id}.png').read_bytes())
            self._digests[kind] = digest.hexdigest()[:16]
        return self._digests[kind]

    @cached_property
    def classifier(self) -> Path:
        """Weights of the CAM classifier."""
        return Path(Planner(self.cfg, self.layout).checkpoint('cam'))

    @cached_property
    def weights(self) -> dict[str, str]:
        """Digests, by name, of the weights that a config may start from."""
        files = {'classifier': self.classifier, **self._pretrained()}
        return {name: sha256_of_file(path)[:16] for name, path in files.items() if path.is_file()}

    def _pretrained(self) -> dict[str, Path]:
        return {kind: Path(path) for kind, path in self.cfg.get('weights', {}).items()}

    def places(self) -> dict[str, str]:
        """Name -> folder or file whose place does not matter to a result."""
        return {
            '{classifier}': str(self.classifier),
            '{pipeline}': str(self.layout.out),
            '{out}': str(self.out),
            '{data_root}': str(self.root),
        }

    def fill(self, value: Any) -> Any:
        """The names of :meth:`places` replaced in strings at any depth."""
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.fill(item) for item in value)
        for name, place in self.places().items() if isinstance(value, str) else ():
            value = value.replace(name, place)
        return value

    def write_lists(self, shares: set[float]) -> None:
        """Write the lists of the trainings and of the photos that are measured."""
        by_hash = sorted(self.all_train, key=lambda i: hashlib.sha256(i.encode()).hexdigest())
        for share in shares:
            count = max(1, round(share * len(by_hash)))
            kept = set(by_hash[:count])
            _write_list(self.train_list(share), [i for i in self.all_train if i in kept])
        # Photos that every share trains on, so that the rates can be compared.
        count = min(self.train_photos, max(1, round(min(shares) * len(by_hash))))
        train = by_hash[:count]
        _write_list(self.train_measured_list, train)
        _write_list(self.measured_list, [*read_id_list(self.val_list), *train])

    def commands(self, kinds: set[str], jobs: int) -> list[tuple[str, list[str]]]:
        """(title, command) of what has to be there before the trainings; all go on where they were.

        Args:
            kinds: of masks that are needed.
            jobs: processes.
        """
        root = ['--data-root', self.root]
        first = [
            *tool_command('pipeline'), self.pipeline, *root, '--out', self.layout.out,
            '--to', 'pseudo_masks', '--jobs', jobs,
        ]  # fmt: skip
        found = [('pipeline', first)]
        for kind in sorted(kinds & set(_FROM_CAMS)):
            command = [
                *tool_command('make_pseudo_masks'), self.layout.stage('cams') / 'files',
                self.masks(kind), *_FROM_CAMS[kind], '--images', self.root / self.data['images'],
                '--jobs', jobs,
            ]  # fmt: skip
            found.append((f'masks_{kind}', command))
        if not self.predicted_tags.is_file():
            command = [
                *tool_command('test'), self._write_tag_config(), self.classifier, *root,
                '--work-dir', self.out / 'predicted_tags', '--device', 'cpu',
            ]  # fmt: skip
            found.append(('predicted_tags', command))
        return [(title, [str(part) for part in command]) for title, command in found]

    def _write_tag_config(self) -> Path:
        """Config that asks the CAM classifier for the tags of the validation photos."""
        cfg = Config.fromfile(self.cfg['cam'])
        cfg.test_cfg = dict(type='TestLoop')
        cfg.test_dataloader = cfg.val_dataloader
        cfg.test_evaluator = dict(type='mmocr_wsss.TagDumper', out_file=str(self.predicted_tags))
        path = self.out / 'predicted_tags.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(path)
        return path


def code_version() -> str:
    """Commit of the checkout, with ``+`` after it if files differ from it; else the version."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ['git', '-C', os.fspath(repository()), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        changed = '+' if git('status', '--porcelain') else ''
        return git('rev-parse', '--short=12', 'HEAD') + changed
    except (OSError, subprocess.CalledProcessError):
        return mmocr_wsss.__version__


def _write_list(path: Path, ids: list[str]) -> None:
    text = ''.join(f'{image_id}\n' for image_id in ids)
    if path.is_file() and path.read_text(encoding='utf-8') == text:
        return
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text, encoding='utf-8')
