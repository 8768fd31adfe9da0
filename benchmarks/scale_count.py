# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the networks of the configs cost: counted operations and kept tensors, nothing is computed.

Networks and images are fake tensors: shapes without values, so that a photo costs no memory.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

TAGGED = (0, 1)  # classes whose maps are made; their number hardly matters


class Cost(NamedTuple):
    """Of one forward pass: GFLOP, and bytes kept for the backward."""

    gflop: float
    kept: int


class Network:
    """The model of a config, made of shapes alone."""

    def __init__(self, cfg: Config) -> None:
        model = cfg.model.copy()
        model.backbone = dict(model.backbone, init_cfg=None)
        self.mode = FakeTensorMode()
        with DefaultScope.overwrite_default_scope(cfg.default_scope), self.mode:
            self.model = MODELS.build(model)
        parameters = list(self.model.parameters())
        self.trained = sum(p.numel() for p in parameters if p.requires_grad)
        state = self.model.state_dict().values()
        self.state_bytes = sum(tensor.numel() * tensor.element_size() for tensor in state)
        self.is_classifier = hasattr(self.model, 'cams')

    @lru_cache  # noqa: B019 (as long-lived as the process)
    def train(self, height: int, width: int) -> Cost:
        """Of one image in training; the loss counts where it runs the network again (SEAM)."""

        def forward(inputs):
            if not self.is_classifier:
                return self.model(inputs, mode='tensor')
            tags = torch.zeros(self.model.head.num_classes)
            samples = [DataSample().set_gt_score(tags) for _ in inputs]
            return self.model(inputs, samples, mode='loss')

        # Two, because networks may refuse or spare a batch of one.
        self.model.train()
        gflop, kept = self._count(forward, 2, height, width)
        return Cost(gflop / 2, kept // 2)

    @lru_cache  # noqa: B019
    def test(self, height: int, width: int, what: str) -> float:
        """GFLOP of one image; ``what``: ``'cams'``, ``'affinities'`` or ``'scores'``."""

        def forward(inputs):
            if what == 'cams':
                return self.model.cams(inputs, torch.tensor(TAGGED))
            if what == 'affinities':
                return self.model.affinities(inputs)
            if self.is_classifier:
                return self.model.extract_feat(inputs)
            return self.model(inputs, mode='tensor')

        self.model.eval()
        with torch.no_grad():
            return self._count(forward, 1, height, width).gflop

    def _count(self, forward, images: int, height: int, width: int) -> Cost:
        kept = {}

        def keep(tensor):
            # Holding the storage keeps its address from being given to another.
            if not isinstance(tensor, torch.nn.Parameter):
                storage = tensor.untyped_storage()
                kept[storage._cdata] = storage
            return tensor

        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with self.mode, FlopCounterMode(display=False) as counter, hooks:
            forward(torch.randn(images, 3, height, width))
        size = sum(storage.nbytes() for storage in kept.values())
        return Cost(counter.get_total_flops() / 1e9, size)


_NETWORKS: dict[str, Network] = {}


def network(cfg: Config) -> Network:
    """Of a config; configs with the same model share it."""
    key = f'{cfg.default_scope} {cfg.model}'
    if key not in _NETWORKS:
        _NETWORKS[key] = Network(cfg)
    return _NETWORKS[key]
