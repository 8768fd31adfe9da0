# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Test loop that makes pseudo masks: AffinityNet's random walk over CAMs."""

from typing import Any

import numpy as np
import torch
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmocr_wsss.engine.image_file_loop import ImageFileLoop, real_path
from mmocr_wsss.functional.cam import background_score
from mmocr_wsss.functional.dense_crf import dense_crf, dense_crf_settings, require_pydensecrf
from mmocr_wsss.functional.random_walk import Transition, pool_scores, upsample_scores, walk
from mmocr_wsss.labels import BACKGROUND_ID
from mmocr_wsss.registry import LOOPS
from mmocr_wsss.stage_files import origin, read_stage


@LOOPS.register_module()
class RandomWalkLoop(ImageFileLoop):
    """Spreads CAMs along AffinityNet's affinities and takes the best class per pixel.

    Per image: CAMs and a background score are averaged over the cells of the feature
    grid, walk ``steps`` steps, are brought to the size of the photo and compared.
    Only the tagged classes walk; absent ones are 0 everywhere and never win. Where the
    ``stage.json`` of the CAMs says ``background: false``, there is no background score.

    Args:
        runner: the runner; its model is a ``mmocr_wsss.AffinityNet``.
        dataloader: config with a ``StageFileDataset`` of a CAM folder, whose pipeline
            ends in ``PackWalkInputs``.
        evaluator: config with a ``PseudoMaskDumper``.
        steps: of the walk.
        beta: power of the affinities; a high one keeps scores in place.
        background_power: background score ``(1 - max)^power`` (PSA, SEAM).
        background_threshold: a constant background score instead (MCTformer). Give
            one of the two; with neither, the threshold in the ``stage.json`` of the CAMs.
        crf: name or dict of dense CRF settings for the scores after the walk; None:
            no CRF, as published.
        on_error: see :class:`ImageFileLoop`.

    Raises:
        ValueError: as :class:`ImageFileLoop`; both kinds of background are given, or
            none is known.
        ImportError: ``crf`` is asked for and pydensecrf2 is not installed.

    Reference: ``infer_aff.py`` of jiwoon-ahn/psa, YudeWang/SEAM, xulianuwa/MCTformer.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: Any,
        steps: int = 256,
        beta: float = 8,
        background_power: float | None = None,
        background_threshold: float | None = None,
        crf: str | dict | None = None,
        on_error: str = 'stop',
    ) -> None:
        if background_power is not None and background_threshold is not None:
            raise ValueError(
                'test_cfg: give background_power or background_threshold, not both, got '
                f'{background_power} and {background_threshold}.'
            )
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f'test_cfg.steps must be an integer >= 1, got {steps!r}.')
        if crf is not None:
            crf = dense_crf_settings(crf)
            require_pydensecrf()
        super().__init__(runner, dataloader, evaluator, on_error)
        facts = read_stage(self.dataset.stage_dir)
        self.background = facts.get('background', True)
        if background_power is None and background_threshold is None:
            background_threshold = facts['background_threshold']
            if background_threshold is None:
                raise ValueError(
                    f'{self.dataset.stage_dir}: stage.json has no background_threshold; set '
                    'test_cfg.background_threshold or test_cfg.background_power.'
                )
        self.steps, self.beta, self.crf = steps, beta, crf
        self.background_power = background_power
        self.background_threshold = background_threshold

    def check_model(self, model: Any) -> None:
        """See :meth:`ImageFileLoop.check_model`.

        Raises:
            ValueError: the network gives no affinities.
        """
        if not hasattr(model, 'affinities'):
            raise ValueError(
                f'RandomWalkLoop needs a mmocr_wsss.AffinityNet, got {type(model).__name__}.'
            )

    def stage(self) -> dict[str, Any]:
        """CAMs and settings that the pseudo masks depend on."""
        return dict(
            stage='pseudo_masks',
            cams=real_path(self.dataset.stage_dir),
            cam_stage=origin(self.dataset.stage_dir),
            steps=self.steps,
            beta=self.beta,
            background_power=self.background_power,
            background_threshold=self.background_threshold,
            crf=self.crf,
        )

    def complete(self, item: dict) -> BaseDataElement:
        """Add ``pseudo_mask`` (H, W) uint8 and ``scores`` (k + 1, h, w) to the data sample."""
        sample, model = item['data_samples'], self.model
        device = next(model.parameters()).device
        scores = self._scores(sample.cam.to(device))
        low = pool_scores(scores, model.stride)
        if len(scores) > 1:  # else all is one class
            inputs = model.data_preprocessor(dict(inputs=[item['inputs']]))['inputs']
            affinities, radius = model.affinities(inputs)
            height, width = low.shape[-2:]
            transition = Transition(affinities, (height, width), radius=radius, beta=self.beta)
            low = walk(low, transition, steps=self.steps)
        scores = upsample_scores(low, sample.ori_shape, model.stride)
        if self.crf is not None and len(scores) > 1:
            photo = np.ascontiguousarray(item['inputs'].flip(0).permute(1, 2, 0).numpy())
            refined = dense_crf(scores.cpu().numpy(), photo, **self.crf)
            scores = torch.from_numpy(refined)
        first = [BACKGROUND_ID] if self.background else []
        ids = torch.cat([sample.class_ids.new_tensor(first), sample.class_ids])
        mask = ids[scores.argmax(dim=0).cpu()].to(torch.uint8)
        sample.set_data(dict(pseudo_mask=mask, scores=low.cpu()))
        return sample

    def _scores(self, cam: Tensor) -> Tensor:
        """(k + 1, H, W): the background, if there is one, before the CAMs (k)."""
        if not self.background:
            return cam
        if self.background_power is not None:
            background = background_score(cam, power=self.background_power)
        else:
            assert self.background_threshold is not None, 'the constructor demands one of the two'
            background = cam.new_full(cam.shape[1:], self.background_threshold)
        return torch.cat([background[None], cam])
