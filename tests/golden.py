# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Golden vectors of the official implementations: rules for weights and inputs, comparison.

The folder comes from the environment variable ``MMOCR_WSSS_GOLDEN``, default
``../shared/golden`` beside the checkout. Seeds, sizes, photos and tolerances are
all read from it, so that another folder of the same structure works. Use::

    from golden import load_golden

    golden = load_golden('resnet38d.npz')  # skips the test where the folder is absent
    golden.check('conv6', output)
"""

import json
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / 'shared' / 'golden'

_LAST_OF_BRANCH = re.compile(r'(^|\.)(b[2-5](_\d)?\.conv_branch2b1|b[67]\.conv_branch2b2)\.weight$')
_AFFINITY_FEATURE = re.compile(r'(^|\.)f9\.weight$')


def golden_folder() -> Path:
    """The folder; skips the test where it is absent."""
    folder = Path(os.environ.get('MMOCR_WSSS_GOLDEN') or DEFAULT_FOLDER)
    if not (folder / 'manifest.json').is_file():
        pytest.skip(f'golden vectors are absent: no manifest.json in {folder}')
    return folder


def load_golden(file: str) -> 'Golden':
    """The arrays of one file with what the manifest says about them."""
    return Golden(golden_folder(), file)


def rule_value(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the tensor that has this official name and shape."""
    rng = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF)
    if key.endswith('num_batches_tracked'):
        return np.zeros(shape, np.int64)
    values = rng.randn(*shape)
    if key.endswith('running_var'):
        values = abs(1 + 0.1 * values)
    elif key.endswith('running_mean'):
        values = 0.1 * values
    elif 'cls_token' in key or 'pos_embed' in key:
        values = 0.02 * values
    elif len(shape) >= 2:
        values = values * np.sqrt(2 / np.prod(shape[1:]))
        if _LAST_OF_BRANCH.search(key):
            values = 0.2 * values
        elif _AFFINITY_FEATURE.search(key):
            values = 1.5 * values
    elif key.endswith('weight'):
        values = 1 + 0.1 * values
    else:
        values = 0.1 * values
    return values.astype(np.float32)


def official_state_dict(model: str) -> dict[str, torch.Tensor]:
    """The official checkpoint of a model in ``state_dicts.json``, checked against it."""
    with open(golden_folder() / 'state_dicts.json', encoding='utf-8') as file:
        tensors = json.load(file)[model]['tensors']
    state = {}
    for key, facts in tensors.items():
        value = rule_value(key, tuple(facts['shape']))
        first = float(value.reshape(-1)[0])
        total = float(value.sum(dtype=np.float64))
        assert first == pytest.approx(facts['first'], abs=1e-6), key
        assert total == pytest.approx(facts['sum'], rel=1e-6, abs=1e-3), key
        state[key] = torch.from_numpy(value)
    return state


class Golden:
    """One ``.npz`` with its entry of the manifest."""

    def __init__(self, folder: Path, file: str):
        with open(folder / 'manifest.json', encoding='utf-8') as stream:
            manifest = json.load(stream)
        self.folder = folder
        self.photo_facts = manifest['photo']
        self.entry = next(entry for entry in manifest['entries'] if entry['file'] == file)
        self.config = self.entry['config']
        self.facts = self.entry['arrays']
        with np.load(folder / file, allow_pickle=False) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.checked = set()

    def names(self, *, prefix: str = '', kinds: tuple[str, ...] = ()) -> list[str]:
        """Arrays of the manifest by the start of the name and by ``kind``."""
        return [
            name
            for name, facts in self.facts.items()
            if name.startswith(prefix) and (not kinds or facts['kind'] in kinds)
        ]

    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return np.asarray(Image.open(self.folder / self.photo_facts['file']).convert('RGB'))

    def input(self, name: str) -> torch.Tensor:
        """The input ``in.NAME``: stored, or from its seed."""
        stored = f'in.{name}'
        if stored in self.arrays:
            return torch.from_numpy(self.arrays[stored])
        seed, shape = (int(self.arrays[f'{stored}.seed']), self.arrays[f'{stored}.shape'])
        value = np.random.RandomState(seed).randn(*shape).astype(np.float32)
        np.testing.assert_array_equal(value.reshape(-1)[:8], self.arrays[f'{stored}.first8'])
        return torch.from_numpy(value)

    def check(self, name: str, value) -> None:
        """Compare an output with the stored one, by the manifest's tolerances."""
        facts = self.facts[name]
        value = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        value = np.asarray(value)
        self.checked.add(name)
        if name in self.arrays:
            expected = self.arrays[name]
            assert value.shape == expected.shape, f'{name}: {value.shape}, not {expected.shape}'
        else:
            shape = tuple(self.arrays[f'{name}.shape'])
            assert value.shape == shape, f'{name}: {value.shape}, not {shape}'
            value = value.reshape(-1)[self.arrays[f'{name}.idx']]
            expected = self.arrays[f'{name}.val']
        _compare(name, value, expected, facts)

    def check_no_gradient(self, name: str, parameter: torch.nn.Parameter) -> None:
        """The array says that this parameter gets no gradient."""
        assert self.facts[name]['kind'] == 'grad_none', name
        self.checked.add(name)
        assert parameter.grad is None or not parameter.grad.any(), f'{name} has a gradient'

    def check_gradients(self, prefix: str, parameters: dict, targets: dict[str, str]) -> None:
        """Gradients under ``prefix`` and the official parameter names.

        A name may end in ``.norm``, the length of the gradient, or in ``.none``: there is none.

        Args:
            prefix: start of the arrays' names, up to and with ``grad.``.
            parameters: ours, by name.
            targets: official name -> ours.
        """
        for array in self.names(prefix=prefix, kinds=('grad', 'grad_none')):
            key = array.removeprefix(prefix)
            key, ending = next(
                (key.removesuffix(e), e) for e in ('.norm', '.none', '') if key.endswith(e)
            )
            parameter = parameters[targets[key]]
            if ending == '.none':
                self.check_no_gradient(array, parameter)
            elif ending == '.norm':
                self.check(array, parameter.grad.double().norm())
            else:
                self.check(array, parameter.grad)

    def assert_all_checked(self, prefix: str = '') -> None:
        """Every output of the file (inputs aside) was compared."""
        outputs = {
            n for n in self.names(prefix=prefix) if not self.facts[n]['kind'].startswith('in')
        }
        left = sorted(outputs - self.checked)
        assert outputs and not left, f'not compared: {left}'

    def assert_file_checked(self, request, *, crf: Iterable[str] = ()) -> None:
        """The last test of a file of tests: every output was compared.

        Args:
            request: pytest's; a run of some of the tests fails.
            crf: arrays that count as compared where none of them was, without pydensecrf.
        """
        if request.config.getoption('keyword') or not self.checked:
            pytest.fail('run this file as a whole')
        if not self.checked.intersection(crf):
            self.checked.update(crf)
        self.assert_all_checked()


def _compare(name: str, value: np.ndarray, expected: np.ndarray, facts: dict) -> None:
    if facts.get('exact'):
        np.testing.assert_array_equal(value, expected, err_msg=name)
        return
    if 'max_mismatch_fraction' in facts:
        mismatch = float((value != expected).mean())
        assert mismatch <= facts['max_mismatch_fraction'], f'{name}: {mismatch:.4%} differ'
        return
    difference = np.abs(value.astype(np.float64) - expected.astype(np.float64))
    worst, mean = float(difference.max()), float(difference.mean())
    assert worst <= facts['atol'], f'{name}: max difference {worst:.3g} > {facts["atol"]}'
    assert mean <= facts['mean_atol'], f'{name}: mean difference {mean:.3g} > {facts["mean_atol"]}'
