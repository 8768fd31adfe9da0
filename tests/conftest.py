# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Fixtures shared by all tests: the checkout and a tiny data set in the VOC layout."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmocr_wsss.labels import CLASS_SETS, IGNORE_ID, palette

os.environ.setdefault('OMP_NUM_THREADS', '1')

NUM_TRAIN, NUM_VAL = 8, 4
HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope='module', autouse=True)
def no_scope_left():
    """A runner sets the scope of unprefixed types for the whole process; forget it."""
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Folder of the checkout that the tests lie in."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def voc_root(tmp_path_factory) -> Path:
    """Folder written by :func:`write_voc_root` with seed 0; read only for tests."""
    root = tmp_path_factory.mktemp('voc_root')
    write_voc_root(root, seed=0)
    return root


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@pytest.fixture
def run_process(tmp_path, repo_root):
    """Run a command in a process of its own, on the CPU; the checkout is importable there.

    It runs in the test's own folder: MMEngine gathers predictions in ``.dist_test`` below.
    """

    def run(*command, timeout=300, **environment):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        env = os.environ | {
            'PYTHONPATH': str(repo_root),
            'PYTHON': sys.executable,
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '-1',
            'PORT': str(port),
            **environment,
        }
        env.pop('LOCAL_RANK', None)
        return subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


def write_voc_root(root: Path, seed: int) -> None:
    """Write 8 training and 4 validation images in the layout of VOC 2012.

    Every image is 48 x 64, noise on a dark ground with one to three rectangles,
    each of one of the 20 VOC classes and in a colour that tells the class. Beside
    the true masks (``SegmentationClassAug``) lie ``pseudo_masks``: the true mask
    with a rim of ignored pixels and one patch of a class that the image does not
    show. ``image_tags.json`` holds {id: [class names]} of all images.
    """
    rng = np.random.default_rng(seed)
    names = CLASS_SETS['voc']
    for folder in ('JPEGImages', 'SegmentationClassAug', 'pseudo_masks', 'ImageSets/Segmentation'):
        (root / folder).mkdir(parents=True)
    tags = {}
    ids = [f'2007_{number:06d}' for number in range(1, NUM_TRAIN + NUM_VAL + 1)]
    for number, image_id in enumerate(ids):
        # The first class runs through the set, so that few classes are never shown.
        others = rng.choice(len(names), size=rng.integers(0, 3), replace=False)
        class_ids = sorted({1 + (2 * number) % len(names), *(int(k) + 1 for k in others)})
        image, mask = _scene(rng, class_ids)
        tags[image_id] = [names[k - 1] for k in class_ids if (mask == k).any()]
        Image.fromarray(image).save(root / 'JPEGImages' / f'{image_id}.jpg', quality=95)
        _save_mask(mask, root / 'SegmentationClassAug' / f'{image_id}.png')
        shown = set(np.unique(mask).tolist())
        wrong = next(k for k in rng.permutation(len(names)) + 1 if k not in shown)
        _save_mask(_degrade(mask, int(wrong)), root / 'pseudo_masks' / f'{image_id}.png')
    splits = {
        'train_aug': ids[:NUM_TRAIN],
        'train': ids[: NUM_TRAIN // 2],
        'val': ids[NUM_TRAIN:],
    }
    for split, members in splits.items():
        path = root / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        path.write_text(''.join(f'{member}\n' for member in members))
    (root / 'image_tags.json').write_text(json.dumps(tags, indent=1))


def _scene(rng: np.random.Generator, class_ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 image and (H, W) uint8 mask; a later class may cover an earlier one."""
    colours = np.array(palette(256), dtype=np.int64)
    image = rng.integers(0, 40, size=(HEIGHT, WIDTH, 3))
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for class_id in class_ids:
        height, width = int(rng.integers(16, 28)), int(rng.integers(20, 34))
        top = int(rng.integers(0, HEIGHT - height + 1))
        left = int(rng.integers(0, WIDTH - width + 1))
        box = np.s_[top : top + height, left : left + width]
        mask[box] = class_id
        image[box] = colours[class_id] + rng.integers(0, 40, size=(height, width, 3))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def _degrade(mask: np.ndarray, wrong: int) -> np.ndarray:
    """The mask with an ignored rim and an 8 x 8 patch of class ``wrong`` in a corner."""
    pseudo = mask.copy()
    pseudo[:8, :8] = wrong
    pseudo[-2:] = IGNORE_ID
    return pseudo


def _save_mask(mask: np.ndarray, path: Path) -> None:
    """Write an 8-bit palette PNG, as VOC's masks are."""
    image = Image.fromarray(mask)
    image.putpalette(sum(palette(256), []))
    image.save(path)
