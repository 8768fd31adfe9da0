# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""tools/model_converters/export_onnx.py from the command line."""

import re
import sys

import numpy as np
import pytest
from conftest import SEAM, SMALL

MODEL = [item for item in SMALL if item.startswith('model.')]


@pytest.fixture
def export(run_tool, checkpoint, tmp_path):
    """Run the tool; gives the exit code."""

    def run(*size, out='model.onnx', weights=checkpoint, options=()):
        return run_tool(
            'model_converters/export_onnx', SEAM, weights, tmp_path / out, '--size', *size,
            '--cfg-options', *MODEL, *options,
        )  # fmt: skip

    return run


def test_the_file_and_the_line(export, tmp_path, capsys):
    pytest.importorskip('onnx')
    onnxruntime = pytest.importorskip('onnxruntime')
    assert export(33, 50) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert re.search(r'model\.onnx: scores differ by [\d.e-]+ at most .* 100\.00 % of the', line)
    session = onnxruntime.InferenceSession(str(tmp_path / 'model.onnx'))
    (scores,) = session.run(None, dict(image=np.zeros((1, 3, 33, 50), np.float32)))
    assert scores.shape == (1, 21, 33, 50)


def test_errors(export, tmp_path, capsys):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    assert export(32, 32, out='model.pth') == 1
    assert 'model.pth: give the file to write with the suffix .onnx' in capsys.readouterr().err
    assert export(32, 32, weights='none.pth') == 1
    assert "there is no checkpoint 'none.pth'" in capsys.readouterr().err
    assert export(32, 32, options=['model.test_cfg.mode=slide']) == 1
    assert '--cfg-options model.test_cfg.mode=whole' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export(0, 32)
    assert 'must be at least 1, got 0' in capsys.readouterr().err
    assert not list(tmp_path.glob('*.onnx'))


def test_without_the_packages(export, monkeypatch):
    """Said before anything is loaded."""
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match='pip install onnx onnxruntime'):
        export(32, 32, weights='none.pth')
