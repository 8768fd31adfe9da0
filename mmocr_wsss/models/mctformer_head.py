# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer's scores and losses."""

import torch
from mmpretrain.models import MultiLabelClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmocr_wsss.functional.class_tokens import class_token_contrast, ranked_mean
from mmocr_wsss.registry import MODELS


@MODELS.register_module()
class MCTformerHead(MultiLabelClsHead):
    """Scores and losses of MCTformer on the outputs of ``MultiClassTokenViT``.

    A class logit is the mean over the channels of its class token. V2 and Plus also
    classify the patches with a 3x3 convolution, whose map is the patch CAM.

    ========  =============  ============  =================
    version   patch_branch   rank_decay    contrast_weight
    ========  =============  ============  =================
    V1        False          None          0
    V2        True           None          0
    Plus      True           0.996         1
    ========  =============  ============  =================

    Losses: ``loss_cls_token``, ``loss_patch`` and ``loss_contrast``, those that exist.
    Predictions are the sigmoids of the class-token logits.

    Args:
        num_classes: K, without background.
        in_channels: width D of a token.
        patch_branch: classify the patches. False keeps the linear layer of the
            official V1 checkpoint instead, frozen and never used, so that a
            checkpoint can be converted back without loss.
        rank_decay: patch logits are a mean weighted by rank with this decay; None: the mean.
        contrast_weight: of the contrast between class tokens, which is over all
            blocks that the backbone returns (its ``token_layers``); 0: off.
        loss: loss of (N, K) logits and tags.
        **kwargs: as for mmpretrain's ``MultiLabelClsHead``.

    Raises:
        ValueError: ``rank_decay`` is not in (0, 1], or is given without patch branch.

    Reference: github.com/xulianuwa/MCTformer ``models.py`` and ``engine.py``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 384,
        patch_branch: bool = True,
        rank_decay: float | None = None,
        contrast_weight: float = 0.0,
        loss: dict = dict(type='mmocr_wsss.MultiLabelSoftMarginLoss'),  # noqa: B006
        **kwargs,
    ):
        if rank_decay is not None and not (patch_branch and 0 < rank_decay <= 1):
            raise ValueError(
                'rank_decay must be in (0, 1] and needs patch_branch=True, got '
                f'rank_decay={rank_decay}, patch_branch={patch_branch}.'
            )
        super().__init__(loss=loss, **kwargs)
        self.num_classes = num_classes
        self.patch_branch, self.rank_decay = patch_branch, rank_decay
        self.contrast_weight = contrast_weight
        if patch_branch:
            self.classifier: nn.Module = nn.Conv2d(in_channels, num_classes, 3, padding=1)
        else:
            self.classifier = nn.Linear(in_channels, num_classes).requires_grad_(False)

    def pre_logits(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """(N, K, D) class tokens of the last block."""
        return feats[0][-1]

    def forward(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """(N, K) class-token logits."""
        return self.pre_logits(feats).mean(dim=-1)

    def patch_maps(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """(N, K, h, w) signed scores of the patches.

        Raises:
            ValueError: the head has no patch branch.
        """
        if not self.patch_branch:
            raise ValueError(
                'the head has patch_branch=False, so patches have no scores: set '
                "attention_type='attention' in the classifier, or patch_branch=True."
            )
        return self.classifier(feats[1])

    def patch_logits(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """(N, K) logits of the patch branch."""
        maps = self.patch_maps(feats)
        if self.rank_decay is None:
            return maps.mean(dim=(-2, -1))
        return ranked_mean(maps, decay=self.rank_decay)

    def loss(
        self, feats: tuple[Tensor, Tensor], data_samples: list[DataSample], **kwargs
    ) -> dict[str, Tensor]:
        """The losses of a batch, one entry per term.

        Args:
            feats: outputs of the backbone.
            data_samples: with ``gt_score`` (K,), the tags.
        """
        losses = dict(loss_cls_token=self._tag_loss(self(feats), data_samples, **kwargs))
        if self.patch_branch:
            losses['loss_patch'] = self._tag_loss(self.patch_logits(feats), data_samples, **kwargs)
        if self.contrast_weight:
            tags = torch.stack([sample.gt_score for sample in data_samples])
            losses['loss_contrast'] = self.contrast_weight * class_token_contrast(feats[0], tags)
        return losses

    def _tag_loss(self, logits: Tensor, data_samples: list[DataSample], **kwargs) -> Tensor:
        return self._get_loss(logits, data_samples, **kwargs)['loss']
