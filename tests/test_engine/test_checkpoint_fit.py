# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Weights that do not belong to a network; other refusals are tested with the loop."""

import pytest
import torch

from mmocr_wsss.engine.checkpoint_fit import require_fit
from mmocr_wsss.models import MultiClassTokenViT

TINY = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)


def test_position_embeddings_of_another_image_size_are_resized_not_refused(tmp_path):
    small, large = (MultiClassTokenViT(3, arch=TINY, img_size=size) for size in (32, 64))
    torch.save(dict(state_dict=small.state_dict()), tmp_path / 'small.pth')
    require_fit(large, str(tmp_path / 'small.pth'))
    assert torch.equal(large.cls_token, small.cls_token)
    other = MultiClassTokenViT(2, arch=TINY, img_size=32)
    with pytest.raises(ValueError, match=r'small.pth does not fit.*\n.*cls_token'):
        require_fit(other, str(tmp_path / 'small.pth'))
