# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A segmentor whose softmax knows the candidates alone."""

from collections.abc import Sequence

from mmseg.structures import SegDataSample
from torch import Tensor

from mmocr_wsss.models.candidate_segmentor import (
    CandidateEncoderDecoder,
    main_output,
    stack_candidates,
)
from mmocr_wsss.registry import MODELS

#: Logit of a class that the tags rule out: its softmax is 0, and so is its gradient.
_RULED_OUT = -1e4


@MODELS.register_module()
class CandidateSoftmaxEncoderDecoder(CandidateEncoderDecoder):
    """Trains with a softmax over the candidate classes of each image alone.

    What one would try before out-of-candidate rectification: non-candidate logits are masked
    out of the head's own loss, so that no image says anything about classes that it does not
    show. ``loss_oc`` is still there, for the logged rate; give it ``loss_weight=0``.
    """

    def loss(self, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> dict:
        """Losses of the host on masked logits, ``loss_oc`` and ``oc_rate`` on the logits."""
        head = self._listened_head()
        loss_by_feat = head.loss_by_feat

        def masked(seg_logits, *args, **kwargs):
            candidates = stack_candidates(data_samples, main_output(head, seg_logits))
            ruled_out = ~candidates[:, :, None, None]
            return loss_by_feat(seg_logits.masked_fill(ruled_out, _RULED_OUT), *args, **kwargs)

        vars(head)['loss_by_feat'] = masked
        try:
            return super().loss(inputs, data_samples)
        finally:
            del vars(head)['loss_by_feat']
