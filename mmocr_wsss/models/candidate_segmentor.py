# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Segmentors of mmseg with the out-of-candidate term."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from mmseg.models import CascadeEncoderDecoder, EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmocr_wsss.registry import MODELS

from .valid_pixels import valid_pixels

#: Which map is the prediction, of heads whose forward returns several.
MAIN_OUTPUT = {'PIDHead': 1, 'IterativeDecodeHead': -1}  # else the first
#: Heads of mmseg without per-pixel class logits, and why.
REFUSED_HEADS = {
    'MaskFormerHead': 'it scores queries, not pixels',
    'Mask2FormerHead': 'it scores queries, not pixels',
    'SideAdapterCLIPHead': 'it scores queries, not pixels',
    'PointHead': 'it scores sampled points, not a dense map',
    'STDCHead': 'it predicts boundaries, not classes',
    'VPDDepthHead': 'it predicts depth, not classes',
}

#: Values of ``loss_oc_size``.
LOSS_SIZES = ('head', 'labels')

if TYPE_CHECKING:  # what CandidateMixin is mixed into
    from mmseg.models import EncoderDecoder as _Host
else:
    _Host = object


class CandidateMixin(_Host):
    """Adds the out-of-candidate term to a segmentor of mmseg.

    While the host's ``loss`` runs, the decode head's ``loss_by_feat`` is listened
    to, so the logits are those of the one forward pass, at the head's own stride.
    Head configs, state-dict keys and inference are those of the host class. The
    tags come with the samples, as ``data_sample.candidates`` (C,) bool, which
    :class:`mmocr_wsss.datasets.ImageTagDataset` attaches.

    Auxiliary heads keep their own losses; of a cascade the last stage with dense
    class logits is used.

    Args:
        loss_oc: config of the term, usually ``OutOfCandidateLoss``.
        loss_oc_size: where the term is computed: at the ``'head'``'s own stride, or at the size
            of the ``'labels'``, to which the head resizes its logits for its own loss.
        others: as in the host's segmentor.

    Raises:
        ValueError: the decode head has no dense class logits; it is named. Or
            ``loss_oc_size`` is neither.
    """

    def __init__(self, *args, loss_oc: dict, loss_oc_size: str = 'head', **kwargs):
        super().__init__(*args, **kwargs)
        if loss_oc_size not in LOSS_SIZES:
            raise ValueError(f'loss_oc_size must be one of {LOSS_SIZES}, got {loss_oc_size!r}.')
        self.loss_oc = MODELS.build(loss_oc)
        self.loss_oc_size = loss_oc_size
        self._listened_head()  # refuse an unsupported head at build time

    def _listened_head(self) -> BaseDecodeHead:
        cascade = isinstance(self.decode_head, nn.ModuleList)
        heads = list(self.decode_head) if cascade else [self.decode_head]
        refusals = []
        for head in reversed(heads):
            reason = refusal(head)
            if reason is None:
                return head
            refusals.append(f'{type(head).__name__} ({reason})')
        raise ValueError(
            f'{type(self).__name__} needs a decode head with dense class logits, got '
            f'{", ".join(refusals)}. Use another decode_head, or the stock segmentor without '
            'loss_oc.'
        )

    def loss(self, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> dict:
        """Losses of the host plus ``loss_oc`` and ``oc_rate``.

        Args:
            inputs: (N, 3, H, W) float, normalised.
            data_samples: N samples with ``gt_sem_seg`` and ``candidates``.

        Returns:
            the host's dict with two more scalars, the weighted term and the share
            of valid pixels that are out of candidate.
        """
        head = self._listened_head()
        with listen_to_logits(head) as heard:
            losses = super().loss(inputs, data_samples)
        logits = main_output(head, heard[-1])
        if self.loss_oc_size == 'labels':
            size = data_samples[0].gt_sem_seg.shape[-2:]
            logits = resize(logits, size, mode='bilinear', align_corners=head.align_corners)
        candidates = stack_candidates(data_samples, logits)
        valid = valid_pixels(data_samples, logits.shape[-2:], ignore_index=head.ignore_index)
        term, rate = self.loss_oc.loss_and_rate(logits, candidates, valid.to(logits.device))
        return dict(losses, loss_oc=term, oc_rate=rate)


@MODELS.register_module()
class CandidateEncoderDecoder(CandidateMixin, EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with the out-of-candidate term."""


@MODELS.register_module()
class CandidateCascadeEncoderDecoder(CandidateMixin, CascadeEncoderDecoder):
    """mmseg's ``CascadeEncoderDecoder`` with the out-of-candidate term."""


def refusal(head: nn.Module) -> str | None:
    """Why a decode head cannot take the term, or None if it can."""
    for kind in type(head).__mro__:
        if kind.__name__ in REFUSED_HEADS:
            return REFUSED_HEADS[kind.__name__]
    if not isinstance(head, BaseDecodeHead):
        return "it is no BaseDecodeHead, so its logits do not pass through 'loss_by_feat'"
    if head.out_channels != head.num_classes:
        return (
            f'out_channels={head.out_channels} differs from num_classes={head.num_classes}, so '
            'there is no logit per class'
        )
    return None


@contextlib.contextmanager
def listen_to_logits(head: BaseDecodeHead) -> Iterator[list]:
    """Collect what the head hands to its ``loss_by_feat`` during the block.

    A module hook would never fire: mmseg calls ``head.forward`` directly. The
    instance attribute shadows the method and is removed afterwards.
    """
    heard = []
    loss_by_feat = head.loss_by_feat
    shadow = vars(head).get('loss_by_feat')

    def listening(seg_logits, *args, **kwargs):
        heard.append(seg_logits)
        return loss_by_feat(seg_logits, *args, **kwargs)

    vars(head)['loss_by_feat'] = listening
    try:
        yield heard
    finally:
        if shadow is None:
            del vars(head)['loss_by_feat']
        else:
            vars(head)['loss_by_feat'] = shadow


def main_output(head: BaseDecodeHead, outputs: Tensor | Sequence[Tensor]) -> Tensor:
    """The (N, C, h, w) logits among the outputs of a head.

    Raises:
        ValueError: it gave nothing of that shape.
    """
    if not isinstance(outputs, Tensor):
        kinds = [kind.__name__ for kind in type(head).__mro__]
        outputs = outputs[next((MAIN_OUTPUT[kind] for kind in kinds if kind in MAIN_OUTPUT), 0)]
    if outputs.ndim != 4 or outputs.shape[1] != head.num_classes:
        raise ValueError(
            f'{type(head).__name__} gave {tuple(outputs.shape)}, not (N, {head.num_classes}, h, w) '
            'class logits. The out-of-candidate term cannot be added to it.'
        )
    return outputs


def stack_candidates(data_samples: Sequence[SegDataSample], logits: Tensor) -> Tensor:
    """(N, C) bool candidates of the samples, on the device of the logits.

    Raises:
        ValueError: a sample carries none, or one for another number of classes.
    """
    without = [s.metainfo.get('img_path') for s in data_samples if 'candidates' not in s]
    if without:
        raise ValueError(
            f'{len(without)} of {len(data_samples)} samples carry no candidates (first: '
            f'{without[0]}). Wrap the training dataset: train_dataloader.dataset='
            "dict(type='mmocr_wsss.ImageTagDataset', dataset=..., tags=...)."
        )
    candidates = torch.stack([s.candidates for s in data_samples]).to(logits.device)
    if candidates.shape[1] != logits.shape[1]:
        raise ValueError(
            f'the tags stand for {candidates.shape[1]} classes with background, the decode head '
            f'has num_classes={logits.shape[1]}. Both must count the background.'
        )
    return candidates
