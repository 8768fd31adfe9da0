# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Class-id conventions: the only module that adds 1 to a tag index.

Convention: class ids are 0 for background, 1..K for the foreground classes and
255 for "ignore", on disk and between modules. Image-level tags are a boolean
vector of length K whose index k stands for class id k + 1. Candidates are a
boolean vector of length C = K + 1 indexed by class id: the tags and the
background, which every image may show.
"""

from collections.abc import Iterable, Sequence

import numpy as np

BACKGROUND_ID = 0
IGNORE_ID = 255
BACKGROUND_NAME = 'background'

#: Foreground classes by the names that ``classes='voc'`` and so on stand for.
CLASS_SETS = {
    # PASCAL VOC 2012; class id = index + 1.
    'voc': (
        'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
        'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa',
        'train', 'tvmonitor',
    ),
    # MS COCO, the 80 categories in the order of their sorted 91-space ids; class id = index + 1.
    'coco14': (
        'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat',
        'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat',
        'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack',
        'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball',
        'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket',
        'bottle', 'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple',
        'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair',
        'couch', 'potted plant', 'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse',
        'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
        'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier',
        'toothbrush',
    ),
}  # fmt: skip


def foreground_classes(classes: str | Sequence[str]) -> tuple[str, ...]:
    """Foreground class names from a name of :data:`CLASS_SETS` or a list.

    Raises:
        ValueError: the set is unknown, a name is repeated, or the list is empty
            or contains the background.
    """
    if isinstance(classes, str):
        if classes not in CLASS_SETS:
            raise ValueError(
                f'classes={classes!r} must be one of {sorted(CLASS_SETS)} or a list of names.'
            )
        return CLASS_SETS[classes]
    names = tuple(classes)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names or repeated or BACKGROUND_NAME in names:
        raise ValueError(
            'classes must list each foreground class once and leave out '
            f'{BACKGROUND_NAME!r}, which is class id 0; got {list(names)}.'
        )
    return names


def tags_from_names(names: Iterable[str], classes: Sequence[str]) -> np.ndarray:
    """Multi-hot tags of one image.

    Args:
        names: class names; order and repetition do not matter.
        classes: the K foreground class names in the order of their ids.

    Returns:
        (K,) bool.

    Raises:
        ValueError: a name is not in ``classes``.
    """
    index = {name: k for k, name in enumerate(classes)}
    unknown = sorted(set(names) - set(index))
    if unknown:
        raise ValueError(f'unknown class names {unknown}; the classes are {list(classes)}.')
    tags = np.zeros(len(classes), dtype=bool)
    tags[[index[name] for name in names]] = True
    return tags


def candidates_from_tags(tags: np.ndarray, background: bool = True) -> np.ndarray:
    """Candidate classes: the tags plus the background.

    Args:
        tags: (..., K) bool; index k is class id k + 1.
        background: whether a pixel may show none of the classes. Where it may not, class
            id 0 stays reserved but is no candidate.

    Returns:
        (..., K + 1) bool, indexed by class id; ``[..., 0]`` is ``background``.
    """
    tags = np.asarray(tags, dtype=bool)
    first = np.full((*tags.shape[:-1], 1), background, dtype=bool)
    return np.concatenate([first, tags], axis=-1)


def class_ids_from_tags(tags: np.ndarray) -> np.ndarray:
    """Class ids of one image's tags, ascending.

    Args:
        tags: (K,) bool; index k is class id k + 1.

    Returns:
        (k,) int64 ids in 1..K.
    """
    return np.flatnonzero(np.asarray(tags, dtype=bool)) + 1


def tag_indices_from_class_ids(class_ids: np.ndarray) -> np.ndarray:
    """The way back: (k,) foreground class ids to (k,) int64 tag indices in 0..K-1."""
    return np.asarray(class_ids, dtype=np.int64) - 1


def palette(num_classes: int) -> list[list[int]]:
    """Colours of PASCAL VOC's label maps, for any number of classes.

    Returns:
        ``num_classes`` RGB triples in 0..255; id 0 is black.

    Reference: the colour map of the VOC development kit (bit reversal of the id).
    """
    colours = []
    for class_id in range(num_classes):
        rgb = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                rgb[channel] |= (class_id >> (3 * bit + channel) & 1) << (7 - bit)
        colours.append(rgb)
    return colours
