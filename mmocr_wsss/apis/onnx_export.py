# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A trained segmenter as an ONNX file that says the same as the PyTorch model."""

import argparse
import contextlib
import copy
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmseg.models import EncoderDecoder
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional

from mmocr_wsss.apis.inferencer import Inferencer
from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.engine.launch import load_config
from mmocr_wsss.engine.safe_checkpoint import check_checkpoint_path

INPUT, OUTPUT = 'image', 'scores'
#: Largest difference of scores, as a share of the largest score. The same operators in float32 by
#: two libraries were measured at 1e-6 of it; an operator that is exported wrongly is far above.
TOLERANCE = 1e-4
_OPSET = 17


class Comparison(NamedTuple):
    """Scores of ONNX Runtime and PyTorch on one image.

    difference: the largest of a score. largest: absolute score. agreement: share of the pixels
    with the same best class, in [0, 1].
    """

    difference: float
    largest: float
    agreement: float


class Exported(nn.Module):
    """What the file computes: normalisation and network, without a resize of the photo.

    Args:
        model: segmentor in eval mode on the CPU.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__()
        self.model = model
        weight, bias = _normalisation(model)
        self.register_buffer('weight', weight)
        self.register_buffer('bias', bias)

    def forward(self, image: Tensor) -> Tensor:
        """Scores (1, C, H, W) float32 of an image (1, 3, H, W) float32, RGB in 0..255."""
        size = tuple(int(side) for side in image.shape[-2:])
        inputs = functional.conv2d(image, self.weight, self.bias)
        return self.model.encode_decode(inputs, [dict(img_shape=size, ori_shape=size)])


def export_onnx(args: argparse.Namespace) -> str:
    """Write the file of ``tools/model_converters/export_onnx.py``, if it agrees with PyTorch.

    Args:
        args: options of the tool.

    Returns:
        What was written and how far it agrees, as a line of text.

    Raises:
        FileNotFoundError: config or checkpoint are not there.
        ImportError: onnx or onnxruntime are not installed.
        ValueError: an option does not fit, the model cannot be exported, or the file would give
            other scores than PyTorch.
    """
    require_onnx()
    out = Path(args.out)
    if out.suffix != '.onnx' or out.is_dir():
        raise ValueError(f'{out}: give the file to write with the suffix .onnx.')
    cfg, _ = load_config(args)
    check_checkpoint_path(args.checkpoint, 'checkpoint')
    inferencer = Inferencer(cfg, args.checkpoint, device='cpu')
    found = write_onnx(inferencer, out, size=args.size)
    return (
        f'{out}: scores differ by {found.difference:.1e} at most (largest score '
        f'{found.largest:.3g}), {100 * found.agreement:.2f} % of the pixels have the same class'
    )


def write_onnx(
    inferencer: Inferencer, out: str | os.PathLike, *, size: Sequence[int]
) -> Comparison:
    """Export a segmenter for images of one size, and compare it with a test in PyTorch.

    The file takes ``image`` (1, 3, H, W) float32, RGB in 0..255, and gives ``scores``
    (1, C, H, W) float32, whose argmax over C is the label map. A resize of photos in the
    test pipeline is left to the caller. Its metadata has ``classes``, a JSON list.

    Args:
        inferencer: on the CPU.
        out: file to write, whole or not at all.
        size: (H, W).

    Raises:
        ImportError: onnx or onnxruntime are not installed.
        ValueError: the model tests by sliding windows or pads images of this size, its operators
            have no counterpart in ONNX, or scores differ by more than :data:`TOLERANCE`.
    """
    require_onnx()
    model, size = inferencer.model, tuple(size)
    image = np.random.default_rng(0).integers(0, 256, (3, *size), np.uint8)
    expected = _tested(model, image)
    with atomic_path(out) as temporary:
        _export(Exported(model).eval(), temporary, size)
        _name_classes(temporary, inferencer.classes)
        found = compare(_run(temporary, image), expected)
        if not found.difference <= TOLERANCE * max(found.largest, 1e-6):
            raise ValueError(
                f'{out}: the exported model must give the scores of PyTorch within '
                f'{TOLERANCE} of the largest, {found.largest:.3g}; they differ by '
                f'{found.difference:.3g}, and {100 * found.agreement:.2f} % of the pixels have the '
                'same class. Nothing is written; another version of torch may export its '
                'operators rightly.'
            )
    return found


def compare(scores: np.ndarray, expected: np.ndarray) -> Comparison:
    """Compare scores (C, H, W) of two runtimes; of a single score per pixel the signs."""
    labels = [s.argmax(0) if len(s) > 1 else s[0] > 0 for s in (scores, expected)]
    return Comparison(
        float(np.abs(scores - expected).max()),
        float(np.abs(expected).max()),
        float((labels[0] == labels[1]).mean()),
    )


def require_onnx() -> None:
    """Refuse to begin without the packages of the extra ``onnx``.

    Raises:
        ImportError: one is missing; the message says what to install.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'exporting to ONNX and checking the result need two more packages: '
            'pip install onnx onnxruntime'
        ) from error


def _tested(model: EncoderDecoder, image: np.ndarray) -> np.ndarray:
    """Scores (C, H, W) of a test, for an image (3, H, W) uint8 RGB."""
    if model.test_cfg.get('mode', 'whole') != 'whole':
        raise ValueError(
            f'the model tests in the mode {model.test_cfg.mode!r}, the file would hold it as '
            "mode='whole'. Where that is what you want: --cfg-options model.test_cfg.mode=whole"
        )
    size = image.shape[1:]
    with torch.no_grad():
        batch = _batch(image)
        inputs = model.data_preprocessor(copy.deepcopy(batch), False)['inputs']
        if (padded := tuple(inputs.shape[-2:])) != size:
            raise ValueError(
                f'--size {size[0]} {size[1]}: the data preprocessor pads such images to '
                f'{padded[0]} {padded[1]}; give that size.'
            )
        (result,) = model.test_step(batch)
    return result.seg_logits.data.numpy()


def _batch(image: np.ndarray) -> dict:
    """What a test pipeline gives for an image (3, H, W) RGB: BGR, and its size."""
    size = image.shape[1:]
    sample = SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))
    return dict(inputs=[torch.from_numpy(image[::-1].copy())], data_samples=[sample])


def _normalisation(model: EncoderDecoder) -> tuple[Tensor, Tensor]:
    """Weight (3, 3, 1, 1) and bias (3,) of what the preprocessor does to each RGB pixel.

    Read off black and one bright pixel per channel, so that the order of the channels and
    the means need not be known.
    """
    pixels = np.zeros((3, 1, 4), np.uint8)  # the colours stand side by side
    pixels[range(3), 0, range(1, 4)] = 255
    found = model.data_preprocessor(_batch(pixels), False)['inputs'][0, :, 0, :4].double()
    weight = (found[:, 1:] - found[:, :1]) / 255
    return weight[..., None, None].float(), found[:, 0].float()


def _export(model: Exported, path: str, size: tuple[int, ...]) -> None:
    """By tracing: the newer exporter fails on some of mmseg's heads, on others it is wrong."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(None), torch.no_grad():
        warnings.simplefilter('ignore')  # on each constant of the trace: the size is fixed
        try:
            torch.onnx.export(
                model, (torch.zeros(1, 3, *size),), path, input_names=[INPUT],
                output_names=[OUTPUT], opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ValueError(
                f'the model cannot be exported to ONNX: {type(error).__name__}: '
                f'{str(error).strip()[:500]}. Its parts need counterparts in opset {_OPSET}.'
            ) from error


def _name_classes(path: str, classes: Sequence[str]) -> None:
    import onnx

    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, dict(classes=json.dumps(list(classes))))
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def _run(path: str, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return session.run([OUTPUT], {INPUT: image[None].astype(np.float32)})[0][0]
