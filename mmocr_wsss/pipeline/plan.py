# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The stages of a pipeline: what each runs, on which inputs, to which outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmocr_wsss.dataset_file import DATASET_FILE
from mmocr_wsss.engine.config_checks import set_options
from mmocr_wsss.engine.launch import parse_options
from mmocr_wsss.pipeline.commands import repository, tool_command
from mmocr_wsss.pipeline.layout import Layout

#: In the order in which they run.
STAGES = (
    'tags', 'weights', 'cam', 'cams', 'affinity_labels', 'affinity', 'pseudo_masks', 'baseline',
    'oc', 'evaluation', 'report',
)  # fmt: skip
TITLES = {
    'tags': 'image-level tags',
    'weights': 'pretrained weights',
    'cam': 'train the CAM classifier',
    'cams': 'make CAMs',
    'affinity_labels': 'make the labels of AffinityNet',
    'affinity': 'train AffinityNet',
    'pseudo_masks': 'make pseudo masks by random walk',
    'baseline': 'train the segmenter, baseline',
    'oc': 'train the segmenter with the OC loss',
    'evaluation': 'score CAMs, pseudo masks and both segmenters',
    'report': 'table and figure',
}


class Stage(NamedTuple):
    """One stage.

    name: one of ``STAGES``. commands: run one after the other. needs: stages whose
    results it reads. configs: config files that its result depends on. inputs: files
    and folders of the user that it reads. outputs: what it makes, all below the output
    folder; moved aside before it is made in another way. given: made once and
    for all outside the output folder; there or not is all that matters.
    """

    name: str
    commands: list[list[str]]
    needs: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()
    given: tuple[Path, ...] = ()


class Planner:
    """Turns the settings of a pipeline into its stages.

    Args:
        cfg: what :func:`~mmocr_wsss.pipeline.layout.read_pipeline` gave.
        layout: of the output folder.
        gpus: processes of trainings and tests; 0: one, without a launcher.
        jobs: processes of the steps on the CPU.
        device: ``'cpu'``, ``'cuda'`` or None.
        options: stage -> ``KEY=VALUE`` settings for its config.
    """

    def __init__(
        self,
        cfg: dict[str, Any],
        layout: Layout,
        gpus: int = 0,
        jobs: int = 1,
        device: str | None = None,
        options: dict[str, list[str]] | None = None,
    ) -> None:
        self.cfg, self.layout, self.gpus, self.jobs = cfg, layout, gpus, jobs
        self.options = options or {}
        self.device = ['--device', device] if device else []
        self.data = cfg['data']
        self.root = Path(self.data['root'])

    def stages(self) -> list[Stage]:
        """All stages, in order."""
        return [getattr(self, f'_{name}')() for name in STAGES]

    def _tags(self) -> Stage:
        target = self.root / self.data['tags']
        source = self.root / self.data['tag_source'] if self.data['tag_source'] else None
        classes = self.data['classes']
        command = []
        if source is not None and isinstance(classes, str):
            command = [*tool_command('prepare_tags'), source, target, '--classes', classes]
        return Stage('tags', _commands(command), given=(target,))

    def _weights(self) -> Stage:
        wanted = self.cfg.get('weights', {})
        tool = tool_command('model_converters/convert')
        commands = [[*tool, 'package', path, '--from', kind] for kind, path in wanted.items()]
        return Stage('weights', _commands(*commands), given=tuple(map(Path, wanted.values())))

    def _cam(self) -> Stage:
        command = self._train(self.cfg['cam'], 'cam')
        return self._trained('cam', command, ('tags', 'weights'))

    def _cams(self) -> Stage:
        checkpoint = self.checkpoint('cam')
        command = self._test('cams', checkpoint, 'cams/log', self.layout.stage('cams') / 'files')
        return Stage(
            'cams',
            _commands(command),
            ('cam',),
            (self.cfg['cams'],),
            self._photos(),
            (self.layout.stage('cams'),),
        )

    def _affinity_labels(self) -> Stage:
        settings = self.cfg['affinity_labels']
        out = self.layout.stage('affinity_labels')
        command = [*tool_command('make_affinity_labels'), self._cam_files()]
        command += ['--images', self.root / self.data['images'], '--out', out]
        command += ['--powers', *settings['powers'], '--jobs', self.jobs]
        if settings.get('crf'):
            command += ['--crf', settings['crf']]
        return Stage(
            'affinity_labels', _commands(command), ('cams',), inputs=self._photos(), outputs=(out,)
        )

    def _affinity(self) -> Stage:
        labels = self.layout.stage('affinity_labels')
        options = [f'train_dataloader.dataset.stage_dir={labels}']
        command = self._train(self.cfg['affinity'], 'affinity', options)
        return self._trained('affinity', command, ('affinity_labels', 'weights'))

    def _pseudo_masks(self) -> Stage:
        out = self.layout.stage('pseudo_masks')
        command = self._test('affinity', self.checkpoint('affinity'), 'pseudo_masks/log',
                             out / 'files', self._cams_option())  # fmt: skip
        return Stage(
            'pseudo_masks',
            _commands(command),
            ('affinity', 'cams'),
            (self.cfg['affinity'],),
            self._photos(),
            (out,),
        )

    def _baseline(self) -> Stage:
        return self._segmenter('baseline')

    def _oc(self) -> Stage:
        return self._segmenter('oc')

    def _segmenter(self, name: str) -> Stage:
        masks = self.mask_files().resolve()  # absolute, or it would be taken below data_root
        options = [f'train_dataloader.dataset.dataset.data_prefix.seg_map_path={masks}']
        command = self._train(self.cfg[name], name, options)
        return self._trained(name, command, ('pseudo_masks', 'tags', 'weights'))

    def _evaluation(self) -> Stage:
        commands = []
        if self.data['scored_list']:
            scored = self.root / self.data['scored_list']
            masks = self.root / self.data['true_masks']
            commands.append(self._score(self._cam_files(), 'cams', masks, scored, cams=True))
            commands.append(self._score(self.mask_files(), 'pseudo_masks', masks, scored))
        for split in self._predicted_splits():
            for name in ('baseline', 'oc'):
                commands += self._predict_and_score(name, split)
        keys = ('scored_list', 'val_list', 'tags', 'true_masks', 'val_masks')
        inputs = {self.root / self.data[key] for key in keys if self.data[key]}
        return Stage(
            'evaluation',
            _commands(*commands),
            ('cams', 'pseudo_masks', 'baseline', 'oc'),
            (self.cfg['baseline'], self.cfg['oc']),
            tuple(sorted({*inputs, *self._photos()})),
            (self.layout.stage('evaluation'),),
        )

    def _predicted_splits(self) -> list[str]:
        """Training photos too if they can be scored, or if nothing has true masks."""
        blind = not self.data['val_masks'] and self.data.get('train_list')
        train = self.data['scored_list'] or blind
        return [*(['val'] if self.data['val_list'] else []), *(['train'] if train else [])]

    def _predict_and_score(self, name: str, split: str) -> list[list]:
        """A segmenter's label maps of a split, then their scores."""
        label_maps = self.layout.predictions(f'{name}_{split}')
        options, masks, ids = [], self.data['val_masks'], self.data['val_list']
        if split == 'train':
            ids = self.data['scored_list'] or self.data['train_list']
            masks = self.data['true_masks'] if self.data['scored_list'] else None
            inner = 'test_dataloader.dataset.dataset'
            options = [
                f'{inner}.ann_file={ids}',
                f'{inner}.data_prefix.img_path={self.data["images"]}',
                *([f'{inner}.data_prefix.seg_map_path={masks}'] if masks else []),
            ]
            if self.data['scored_images']:
                options.append(f'{inner}.indices={self.data["scored_images"]}')
        command = self._test(
            name, self.checkpoint(name), f'evaluation/log/{name}_{split}', label_maps, options
        )
        if self.cfg['tta'] and split == 'val':
            command.insert(command.index('--out'), '--tta')
        listed = None if split == 'train' and self.data['scored_images'] else self.root / ids
        masks = self.root / masks if masks else None
        return [command, self._score(label_maps, f'{name}_{split}', masks, listed)]

    def _report(self) -> Stage:
        outputs = (self.layout.out / 'report.md', self.layout.out / 'report.png')
        return Stage('report', [], ('evaluation',), outputs=outputs)

    def mask_files(self) -> Path:
        """Folder of the pseudo masks."""
        return self.layout.stage('pseudo_masks') / 'files'

    def _cam_files(self) -> Path:
        return self.layout.stage('cams') / 'files'

    def _cams_option(self) -> list[str]:
        return [f'test_dataloader.dataset.stage_dir={self._cam_files()}']

    def _photos(self) -> tuple[Path, ...]:
        """What all stages read; a ``dataset.json`` and its lists take the place of the configs'."""
        train_list = self.data.get('train_list')
        own = [DATASET_FILE, train_list, self.data['val_list']] if train_list else []
        return tuple(self.root / path for path in (self.data['images'], *own) if path)

    def _trained(self, name: str, command: list, needs: tuple[str, ...]) -> Stage:
        inputs = (*self._photos(), self.root / self.data['tags'])
        return Stage(
            name, _commands(command), needs, (self.cfg[name],), inputs, (self.layout.stage(name),)
        )

    def _train(self, config: str, name: str, options: Sequence[str] = ()) -> list:
        command = self._launch('train', config)
        options = [*self.options.get(name, ()), *options]
        return [
            *command, '--data-root', self.root, '--work-dir', self.layout.stage(name), '--resume',
            *self.device, *(['--cfg-options', *options] if options else []),
        ]  # fmt: skip

    def _test(self, name: str, checkpoint: Path, log: str, out: Path, options=()) -> list:
        command = self._launch('test', self.cfg[name], checkpoint)
        options = [*self.options.get(name, ()), *options]
        return [
            *command, '--data-root', self.root, '--work-dir', self.layout.out / log, '--out', out,
            *self.device, *(['--cfg-options', *options] if options else []),
        ]  # fmt: skip

    def _launch(self, tool: str, *arguments: Any) -> list:
        if not self.gpus:
            return [*tool_command(tool), *arguments]
        return ['bash', repository() / 'tools' / f'dist_{tool}.sh', *arguments, self.gpus]

    def checkpoint(self, name: str) -> Path:
        """Of the last iteration of a trained stage."""
        train_cfg = stage_config(self.cfg[name], self.options.get(name, ())).train_cfg
        epochs = train_cfg.get('max_epochs')
        file = f'epoch_{epochs}.pth' if epochs else f'iter_{train_cfg.max_iters}.pth'
        return self.layout.stage(name) / file

    def _score(
        self, folder: Path, name: str, masks: Path | None, ids: Path | None, cams=False
    ) -> list:
        command = [*tool_command('analysis/evaluate_cams'), folder]
        command += ['--masks', masks] if masks else []
        command += ['--ids', ids] if ids else []
        command += [] if cams else ['--pseudo-masks', '--tags', self.root / self.data['tags']]
        if not cams and not self.data.get('background', True):
            command.append('--no-background')
        classes = self.data['classes']
        command += ['--classes', classes if isinstance(classes, str) else self.layout.classes()]
        if self.data['supported']:
            command += ['--supported', *self.data['supported']]
        return [*command, '--jobs', self.jobs, '--out', self.layout.score(name)]


def stage_config(path: str, options: Sequence[str]) -> Config:
    """A stage's config with the ``KEY=VALUE`` settings applied."""
    cfg = Config.fromfile(path)
    set_options(cfg, parse_options(options))
    return cfg


def _commands(*commands: list) -> list[list[str]]:
    """Command lines as strings; empty ones are left out."""
    return [[str(part) for part in command] for command in commands if command]
