# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The stages of a pipeline as work: its configs read, its networks counted."""

from typing import NamedTuple

from mmengine.config import Config
from mmengine.registry import MODELS
from scale_count import Network, network
from scale_model import Assumed, Photos, Pool, Stage, Training, crf_seconds

from mmocr_wsss import config_path
from mmocr_wsss.cam_files import cam_grid
from mmocr_wsss.functional.dense_crf import dense_crf_settings
from mmocr_wsss.labels import CLASS_SETS

PIPELINES = [f'{name}_{data}' for data in ('voc', 'coco')
             for name in ('affinitynet', 'seam', 'mctformer')]  # fmt: skip
#: Optimizer -> tensors of state that it keeps per weight; SGD's only with a momentum.
_SLOTS = {'SGD': 1, 'AdamW': 2}
_LOG_LINE = 300  # bytes per logged step, as text and as JSON together
_RUN_FILES = 7  # beside checkpoints: config (twice), last_checkpoint, lock, log, two of scalars


class Data(NamedTuple):
    """A data set: numbers of photos, their usual size, and tags per photo (all assumed).

    scored: training photos with true masks.
    """

    train: int
    scored: int
    val: int
    width: int
    height: int
    tags: float

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


#: By the name of the classes.
DATA = {
    'voc': Data(10582, 1464, 1449, 500, 375, 1.5),
    'coco14': Data(82783, 82783, 40504, 640, 480, 2.9),
}


class Plan:
    """All stages of one of ``configs/pipelines``.

    Args:
        name: of the pipeline.
        assumed: what files are like; the rest only counts when a stage is asked.
        data: None: the data set of the pipeline.
        options: stage -> settings for its config.
    """

    def __init__(
        self, name: str, assumed: Assumed, data: Data | None = None, options: dict | None = None
    ) -> None:
        self.assumed, self.options = assumed, options or {}
        self.cfg = Config.fromfile(config_path(f'pipelines/{name}.py'))
        self.data = data or DATA[self.cfg.data.classes]

    def stages(self) -> list[Stage]:
        """In the order in which they run; ``weights`` and ``report`` cost nothing."""
        return [
            self.tags(),
            self.trained('cam'),
            self.cams(),
            self.affinity_labels(),
            self.trained('affinity'),
            self.pseudo_masks(),
            self.trained('baseline'),
            self.trained('oc'),
            self.evaluation(),
        ]

    def _read(self, stage: str) -> tuple[Config, Network]:
        cfg = Config.fromfile(config_path(self.cfg[stage]))
        cfg.merge_from_dict(self.options.get(stage, {}))
        return cfg, network(cfg)

    def _photos(self, count: int, gflop: float, views: float = 1.0, **more) -> Photos:
        """``views``: how many times the photo's pixels the loaders prepare."""
        data = self.data
        size = data.megapixels * 1e6 * self.assumed.jpeg_bytes
        return Photos(count, gflop, views * data.megapixels, photo_bytes=size, **more)

    def tags(self) -> Stage:
        photos = self.data.train + self.data.val
        part = Pool(photos, self.assumed.list_file, processes=1, limit='one process')
        return Stage('tags', (part,), 1, 50 * photos)

    def trained(self, name: str) -> Stage:
        cfg, net = self._read(name)
        pipeline, pixels = _inner(cfg.train_dataloader.dataset).pipeline, self.data.megapixels * 1e6
        height, width = crop_size(pipeline)
        cost = net.train(height, width)
        sample = pixels * self.assumed.jpeg_bytes
        if name == 'affinity':
            sample += self._crf_values() * self.assumed.crf_bytes
        training = Training(
            cfg.train_cfg.max_iters, cfg.auto_scale_lr.base_batch_size, cost.gflop, net.trained,
            height * width / 1e6, sample, self.data.train, self._validation(cfg, net),
        )  # fmt: skip
        slots = optimizer_slots(cfg.optim_wrapper.optimizer)
        hook = cfg.default_hooks
        saved = -(-training.iterations // hook.checkpoint.interval)  # the last always
        kept = min(hook.checkpoint.max_keep_ckpts, saved)
        size = kept * (net.state_bytes + 4 * slots * net.trained)
        size += training.iterations / hook.logger.interval * _LOG_LINE
        fixed = net.state_bytes + 4 * (1 + slots) * net.trained
        return Stage(name, (training,), kept + _RUN_FILES, size, (fixed, cost.kept))

    def _validation(self, cfg: Config, net: Network) -> Photos | None:
        """During the training: all of val, each time."""
        rounds = cfg.train_cfg.max_iters // cfg.train_cfg.get('val_interval', 1)
        if cfg.get('val_cfg') is None or not rounds:
            return None
        pipeline, data = _inner(cfg.val_dataloader.dataset).pipeline, self.data
        crops = any('crop_size' in step for step in pipeline)
        size = crop_size(pipeline) if crops else (data.height, data.width)
        return self._photos(data.val, net.test(*size, 'scores'), repeats=rounds, starts=0)

    def cams(self) -> Stage:
        cfg, net = self._read('cams')
        data = self.data
        scales = cfg.test_dataloader.dataset.pipeline[-1].scales
        flips = 2 if cfg.test_cfg.get('flip', True) else 1
        gflop = flips * sum(net.test(*self._scaled(scale), 'cams') for scale in scales)
        height, width = cam_grid((data.height, data.width), cfg.test_cfg.get('stride', 1))
        values = data.tags * height * width
        views = sum(scale**2 for scale in scales)
        part = self._photos(data.train, gflop, views, host=values / 1e6 / self.assumed.pack)
        size = data.train * values * self.assumed.cam_bytes
        return Stage('cams', (part,), data.train + 1, size)

    def _crf_values(self) -> float:
        """Of a file of CRF scores: two sets of all tags and the background."""
        return 2 * (self.data.tags + 1) * self.data.megapixels * 1e6

    def affinity_labels(self) -> Stage:
        data, values = self.data, self._crf_values()
        steps = dense_crf_settings(self.cfg.affinity_labels.crf)['iterations']
        seconds = 2 * crf_seconds(data.megapixels, data.tags + 1, steps, self.assumed)
        seconds += values / 1e6 / self.assumed.pack
        size = data.train * values * self.assumed.crf_bytes
        return Stage('affinity_labels', (Pool(data.train, seconds),), data.train + 1, size)

    def pseudo_masks(self) -> Stage:
        cfg, net = self._read('affinity')
        gflop = net.test(*self._scaled(1), 'affinities')
        part = self._photos(self.data.train, gflop)
        return Stage('pseudo_masks', (part,), self.data.train + 1, self._masks(self.data.train))

    def _masks(self, count: int) -> float:
        return count * self.data.megapixels * 1e6 * self.assumed.mask_bytes

    def evaluation(self) -> Stage:
        """CAMs and masks on the training photos, both segmenters on val and on a few of those."""
        cfg, net = self._read('baseline')
        data, assumed = self.data, self.assumed
        tta = MODELS.build(dict(cfg.tta_model, module=net.model, dense_crf=None))
        steps = dense_crf_settings(cfg.tta_model.dense_crf)['iterations']
        labels = len(CLASS_SETS[self.cfg.data.classes]) + 1
        gflop = (2 if tta.flip else 1) * sum(
            net.test(*self._scaled(scale), 'scores') for scale in tta.scales
        )
        few = self.cfg.data.scored_images
        both = dict(repeats=2, starts=2)
        score = data.megapixels * assumed.score
        parts = (
            Pool(2 * data.scored, score),
            self._photos(data.val, gflop, host=crf_seconds(data.megapixels, labels, steps, assumed),
                         **both),
            self._photos(few, net.test(*self._scaled(1), 'scores'), **both),
            Pool(2 * (data.val + few), score),
        )  # fmt: skip
        maps = 2 * (data.val + few)
        return Stage('evaluation', parts, maps + 6, self._masks(maps))

    def _scaled(self, scale: float) -> tuple[int, int]:
        return round(self.data.height * scale), round(self.data.width * scale)


def _inner(dataset: dict) -> dict:
    """Of an ``ImageTagDataset``, the data set in it."""
    return dataset.get('dataset', dataset)


def crop_size(pipeline: list[dict]) -> tuple[int, int]:
    """(H, W) that a pipeline leaves of a photo: that of its last crop."""
    for step in reversed(pipeline):
        size = step.get('crop_size') or (
            step.get('scale') if step['type'] == 'RandomResizedCrop' else None
        )
        if size:
            return (size, size) if isinstance(size, int) else tuple(size)
    raise ValueError(f'no crop in {[step["type"] for step in pipeline]}.')


def optimizer_slots(optimizer: dict) -> int:
    """Tensors of optimizer state per weight."""
    if optimizer['type'] == 'SGD' and not optimizer.get('momentum'):
        return 0
    return _SLOTS[optimizer['type']]
