# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Synthetic scenes for the demo: photos, true masks, tags and noisy masks.

A net that learns from the noisy masks sees water and a hull and has to choose
between boat and duck; where it takes the one that the image's tags rule out,
the pixel is out of candidate (OC). Everything is our own choice and is drawn
from one seed: the same arguments give the same bytes (with the same versions
of numpy, OpenCV and Pillow).

Convention: class ids 0 = background, 1..K in the order of
:data:`SYNTHETIC_CLASSES`, 255 = ignore; images are RGB.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import atomic_path, write_json, write_png
from mmocr_wsss.datasets.synthetic_drawing import (
    CONTEXTS,
    OWN_PART,
    SHARED_PART,
    SYNTHETIC_CLASSES,
    Canvas,
    draw_context,
    draw_object,
    smooth_noise,
)
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID, palette

#: What a data set of scenes was made with; ``dataset.json`` is the file that configs follow.
SCENES_FILE = 'scenes.json'
# Scenes are drawn at three times their size and averaged down, for smooth edges.
_OVERSAMPLING = 3


class Scene(NamedTuple):
    """One scene of height H and width W.

    image: uint8 (H, W, 3) RGB. mask: uint8 (H, W), true class ids 0..K.
    part: uint8 (H, W), the ``*_PART`` values of the drawing kit.
    class_ids: the classes in the mask, ascending, without background.
    """

    image: np.ndarray
    mask: np.ndarray
    part: np.ndarray
    class_ids: tuple[int, ...]


def make_scene(rng: np.random.Generator, height: int, width: int) -> Scene:
    """Draw one scene: a context with one to three objects side by side.

    Args:
        rng: source of every random choice; its state moves on.
        height: pixels, at least 48.
        width: pixels, at least 48.

    Raises:
        ValueError: the size is too small to show an object.
    """
    if min(height, width) < 48:
        raise ValueError(f'scenes need at least 48 x 48 pixels, got {height} x {width}.')
    canvas = Canvas(height * _OVERSAMPLING, width * _OVERSAMPLING)
    rows, columns = canvas.label.shape
    context = list(CONTEXTS)[rng.integers(len(CONTEXTS))]
    horizon = rng.uniform(0.2, 0.4)
    draw_context(canvas, context, horizon, rng)
    names = _choose_objects(context, rng)
    ground_lines = np.sort(rng.uniform(horizon + 0.3, 0.97, len(names)))
    lanes = rng.permutation(len(names))
    for name, lane, line in zip(names, lanes, ground_lines, strict=True):
        x = (lane + rng.uniform(0.3, 0.7)) / len(names) * columns
        size = rng.uniform(0.26, 0.4) * (0.6 + 0.6 * line) * rows
        draw_object(canvas, name, (x, line * rows), size, rng)
    image = cv2.resize(canvas.image, (width, height), interpolation=cv2.INTER_AREA)
    image = image + rng.normal(0, 3, image.shape)
    middle = _OVERSAMPLING // 2
    mask = canvas.label[middle::_OVERSAMPLING, middle::_OVERSAMPLING].copy()
    part = canvas.part[middle::_OVERSAMPLING, middle::_OVERSAMPLING].copy()
    class_ids = tuple(int(k) for k in np.unique(mask) if k != BACKGROUND_ID)
    return Scene(np.clip(np.rint(image), 0, 255).astype(np.uint8), mask, part, class_ids)


def _choose_objects(context, rng):
    """One or both classes of the context, 1-3 objects, now and then a guest from elsewhere."""
    home = CONTEXTS[context]
    if rng.random() < 0.4:
        names = list(rng.permutation(home))
    else:
        names = [home[rng.integers(2)]] * int(rng.integers(1, 3))
    if rng.random() < 0.1:
        names.append(SYNTHETIC_CLASSES[rng.integers(len(SYNTHETIC_CLASSES))])
    return [str(name) for name in names]


def make_pseudo_mask(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A noisy mask as thresholded CAMs give it, from what the tags allow.

    Per tagged class a heat map: strong on the parts of its own, weak on the
    part it shares with its look-alike, spilled along the ground, and, where the
    look-alike is tagged too, leaking onto the look-alike's shared part.

    Returns:
        uint8 (H, W): background, classes of ``scene.class_ids`` and 255 only.
    """
    height, width = scene.mask.shape
    unit = height / 96
    heats = []
    for class_id in scene.class_ids:
        is_class = scene.mask == class_id
        heat = rng.uniform(0.8, 1.1) * (is_class & (scene.part == OWN_PART))
        heat = heat + rng.uniform(0.2, 0.8) * (is_class & (scene.part == SHARED_PART))
        if _look_alike(class_id) in scene.class_ids:
            shared = (scene.mask == _look_alike(class_id)) & (scene.part == SHARED_PART)
            heat = heat + rng.uniform(0.3, 1.2) * shared
        spill = _blur(is_class, 9 * unit, 2 * unit)
        heat = _blur(heat, 2.2 * unit, 2.2 * unit) + rng.uniform(0, 0.7) * spill
        heat *= 1 + 0.45 * smooth_noise(rng, height, width, (6, 8))
        heats.append(heat / max(heat.max(), 1e-6))
    stacked = np.stack(heats)
    best, high = stacked.max(0), rng.uniform(0.32, 0.45)
    mask = np.array(scene.class_ids, np.uint8)[stacked.argmax(0)]
    mask[best < high] = IGNORE_ID
    mask[best < high - 0.1] = BACKGROUND_ID
    return mask


def _look_alike(class_id):
    """Class id of the other class of the pair."""
    name = SYNTHETIC_CLASSES[class_id - 1]
    pair = next(names for names in CONTEXTS.values() if name in names)
    return SYNTHETIC_CLASSES.index(pair[1 - pair.index(name)]) + 1


def _blur(values, sigma_x, sigma_y):
    return cv2.GaussianBlur(np.asarray(values, np.float32), (0, 0), sigma_x, sigmaY=sigma_y)


def write_synthetic_dataset(
    out_dir: str | os.PathLike,
    *,
    num_train: int,
    num_val: int,
    seed: int,
    height: int = 96,
    width: int = 128,
    on_scene: Callable[[], None] | None = None,
) -> Path:
    """Write a data set in the layout of PASCAL VOC, plus tags and noisy masks.

    Files below ``out_dir``: ``JPEGImages/ID.jpg``, ``SegmentationClass/ID.png``
    (true masks), ``pseudo_masks/ID.png`` (noisy masks of train),
    ``ImageSets/Segmentation/{train,val}.txt``, ``image_tags.json`` ({ID: [class
    names]} of both) and, written last, ``scenes.json`` with the arguments.

    Args:
        out_dir: must not exist or be empty.
        num_train: number of training scenes, at least 1.
        num_val: number of val scenes, at least 1.
        seed: of every random choice; scene i depends on the seed, the split and i only.
        height: of the scenes in pixels.
        width: of the scenes in pixels.
        on_scene: called after each scene, to show progress.

    Returns:
        ``out_dir``.

    Raises:
        FileExistsError: ``out_dir`` holds files.
        ValueError: a count is below 1.
    """
    root = Path(out_dir)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f'{root} is not empty; give a new folder or delete this one.')
    if min(num_train, num_val) < 1:
        raise ValueError(f'need at least one scene per split, got {num_train} and {num_val}.')
    tags = {}
    for number, (split, count) in enumerate([('train', num_train), ('val', num_val)]):
        ids = [f'{split}_{index:04d}' for index in range(count)]
        for index, image_id in enumerate(ids):
            rng = np.random.default_rng([seed, number, index])
            scene = make_scene(rng, height, width)
            tags[image_id] = [SYNTHETIC_CLASSES[k - 1] for k in scene.class_ids]
            _write_image(root / 'JPEGImages' / f'{image_id}.jpg', scene.image)
            masks = {'SegmentationClass': scene.mask}
            if split == 'train':
                masks['pseudo_masks'] = make_pseudo_mask(scene, rng)
            for folder, mask in masks.items():
                write_png(root / folder / f'{image_id}.png', mask, palette(256))
            if on_scene is not None:
                on_scene()
        with atomic_path(root / 'ImageSets' / 'Segmentation' / f'{split}.txt') as temporary:
            Path(temporary).write_text(''.join(f'{image_id}\n' for image_id in ids))
    write_json(root / 'image_tags.json', tags)
    spec = dict(num_train=num_train, num_val=num_val, seed=seed, height=height, width=width)
    write_json(root / SCENES_FILE, dict(**spec, classes=SYNTHETIC_CLASSES))
    return root


def _write_image(path, image):
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format='JPEG', quality=95)
