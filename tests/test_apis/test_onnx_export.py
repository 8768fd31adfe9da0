# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What an exported file computes, and that one which computes something else is refused."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader
from test_inferencer import CONFIG, NAMES, noise

from mmocr_wsss.apis import Inferencer
from mmocr_wsss.apis.onnx_export import Exported, compare, require_onnx, write_onnx

SIZE = (40, 48)


@pytest.fixture(autouse=True)
def loader_of_checkpoints(monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')


@pytest.fixture
def build(tmp_path):
    """An inferencer of the tiny segmenter with changes."""

    def call(preprocessor=None, **changes):
        (tmp_path / 'config.py').write_text(CONFIG)
        cfg = Config.fromfile(tmp_path / 'config.py')
        cfg.model.data_preprocessor.update(preprocessor or {})
        cfg.merge_from_dict(changes)
        init_default_scope('mmseg')
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        for parameter in model.parameters():
            if parameter.ndim == 4:
                torch.nn.init.normal_(parameter, std=0.3)
        torch.save(model.state_dict(), tmp_path / 'weights.pth')
        return Inferencer(cfg, tmp_path / 'weights.pth', device='cpu')

    return call


@pytest.mark.parametrize(
    'preprocessor',
    [
        dict(),
        dict(bgr_to_rgb=False, mean=[100, 120, 140], std=[50, 60, 70]),
        dict(bgr_to_rgb=True, mean=[100, 120, 140], std=[50, 60, 70]),
        dict(mean=None, std=None),
    ],
    ids=['mean and std', 'BGR', 'RGB', 'raw'],
)
def test_the_input_is_rgb_whatever_the_network_takes(build, preprocessor):
    """As the inferencer says, which reads BGR."""
    inferencer = build(preprocessor)
    rgb = noise(0)
    sample = inferencer(np.ascontiguousarray(rgb[..., ::-1]), return_datasamples=True)
    image = torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        scores = Exported(inferencer.model)(image)[0]
    found = compare(scores.numpy(), sample.seg_logits.data.numpy())
    assert found.difference < 1e-4 * found.largest


def test_comparison():
    """Three classes, two pixels: the second changes its class."""
    expected = np.array([[1.0, 2.0], [0.5, 2.5], [-4.0, 0.0]])[:, None]
    scores = np.array([[1.0, 2.75], [0.25, 2.5], [-4.0, 0.0]])[:, None]
    assert compare(scores, expected) == (0.75, 4.0, 0.5)
    assert compare(scores[:1] - 2, expected[:1] - 2) == (0.75, 1.0, 0.5)  # [-1, .75], [-1, 0]


def test_without_the_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match='pip install onnx onnxruntime'):
        require_onnx()


def test_the_file(build, tmp_path):
    onnx = pytest.importorskip('onnx')
    onnxruntime = pytest.importorskip('onnxruntime')
    inferencer = build(dict(bgr_to_rgb=True, mean=[100, 120, 140], std=[50, 60, 70]))
    found = write_onnx(inferencer, tmp_path / 'model.onnx', size=SIZE)
    assert found.difference < 1e-4 * found.largest and found.agreement > 0.99
    session = onnxruntime.InferenceSession(str(tmp_path / 'model.onnx'))
    rgb = noise(4)
    image = rgb.transpose(2, 0, 1)[None].astype(np.float32)
    (scores,) = session.run(['scores'], dict(image=image))
    assert scores.shape == (1, 4, *SIZE) and scores.dtype == np.float32
    label_map = inferencer(np.ascontiguousarray(rgb[..., ::-1]))['predictions']
    assert (scores[0].argmax(0) == label_map).mean() > 0.99 and len(np.unique(label_map)) > 2
    props = {p.key: p.value for p in onnx.load(tmp_path / 'model.onnx').metadata_props}
    assert json.loads(props['classes']) == list(NAMES)


def test_what_is_refused(build, tmp_path, monkeypatch):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')

    def refused(text, inferencer, size=SIZE):
        with pytest.raises(ValueError, match=text):
            write_onnx(inferencer, tmp_path / 'out' / 'model.onnx', size=size)
        assert not list(tmp_path.glob('out/*'))

    slide = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))
    refused("mode 'slide'", build(**{'model.test_cfg': slide}))
    pads = build(dict(test_cfg=dict(size_divisor=32)))
    refused('--size 40 48: the data preprocessor pads such images to 64 64', pads)
    write_onnx(pads, tmp_path / 'padded.onnx', size=(64, 32))

    def other_scores(self, image):
        return self.model.encode_decode(image, [dict(img_shape=SIZE)])

    monkeypatch.setattr(Exported, 'forward', other_scores)
    refused('must give the scores of PyTorch within 0.0001 of the largest', build())
