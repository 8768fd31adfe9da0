# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Confusion matrices and the measures that the field takes from them.

Convention: ``confusion[..., true, predicted]`` counts pixels, int64, indexed by class
id 0..K with background 0; ignored pixels (255) are in no entry. Leading axes, such
as one per threshold, are kept. Every share and ratio is in percent.

References: the IoU is that of the evaluation script of SEAM (YudeWang/SEAM@3212261)
and MCTformer (xulianuwa/MCTformer@9606597), whose false positive and negative ratios
MCTformer adds; over- and under-activation are from the SEAM paper (CVPR 2020, section 4).
"""

from typing import NamedTuple

import numpy as np

from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

_EPSILON = 1e-10  # of the official scripts: a class without any pixel scores 0


class ClassCounts(NamedTuple):
    """Pixels per class, each (..., C) int64: hit, predicted and true."""

    hits: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


def confusion_matrix(prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Confusion of one label map, (C, C) int64.

    Args:
        prediction: (H, W) integer class ids 0..C-1.
        truth: (H, W) integer class ids; 255 = ignored.
        num_classes: C, with background.

    Raises:
        ValueError: the sizes disagree or an id is out of range.
    """
    check_truth(truth, prediction.shape, num_classes)
    valid = truth != IGNORE_ID
    predicted = prediction[valid].astype(np.int64)
    if predicted.size and not 0 <= predicted.min() <= predicted.max() < num_classes:
        strange = np.setdiff1d(predicted, np.arange(num_classes)).tolist()
        raise ValueError(
            f'predicted ids must be in 0..{num_classes - 1}, got {strange[:5]}. Check the class '
            'list.'
        )
    index = truth[valid].astype(np.int64) * num_classes + predicted
    return np.bincount(index, minlength=num_classes**2).reshape(num_classes, num_classes)


def label_map_counts(
    prediction: np.ndarray,
    truth: np.ndarray,
    num_classes: int,
    candidates: np.ndarray | None = None,
) -> np.ndarray:
    """Counts of one label map that may ignore pixels, (C + 1, C + 1) int64.

    ``[t, p]`` counts pixels as in :func:`confusion_matrix`, ``[t, C]`` pixels of true
    class t that the map ignores, ``[C, p]`` valid pixels that it gives a class p outside
    the candidates (0 without candidates).

    Args:
        prediction: (H, W) integer class ids 0..C-1; 255 = ignored by the map.
        truth: (H, W) integer class ids; 255 = not scored.
        num_classes: C, with background.
        candidates: (C,) bool by class id.

    Raises:
        ValueError: as :func:`confusion_matrix`.
    """
    check_truth(truth, prediction.shape, num_classes)
    counts = np.zeros((num_classes + 1, num_classes + 1), np.int64)
    skipped = (prediction == IGNORE_ID) & (truth != IGNORE_ID)
    counts[:-1, -1] = np.bincount(truth[skipped], minlength=num_classes)
    scored = np.where(prediction == IGNORE_ID, IGNORE_ID, truth)
    counts[:-1, :-1] = confusion_matrix(prediction, scored, num_classes)
    if candidates is not None:
        predicted = counts[:-1, :-1].sum(axis=0)
        counts[-1, :-1] = np.where(candidates, 0, predicted)
    return counts


def precision_and_recall(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall per class of :func:`label_map_counts`, each (C,) in percent.

    A pixel that the map ignores is no prediction, but it is missed: it lowers the recall.
    A class that is never predicted has precision 0, one without true pixels recall 0.
    """
    confusion = counts[:-1, :-1]
    hits, predicted, _ = class_counts(confusion)
    true = counts[:-1].sum(axis=1)
    return 100 * hits / (predicted + _EPSILON), 100 * hits / (true + _EPSILON)


def check_truth(truth: np.ndarray, size: tuple[int, ...], num_classes: int) -> None:
    """Refuse a true mask (H, W) that does not fit what it is compared with.

    Raises:
        ValueError: its shape is not ``size``, or an id is neither in 0..C-1 nor 255.
    """
    if truth.shape != size:
        raise ValueError(f'the true mask must have the size {size}, got {truth.shape}.')
    ids = np.unique(truth)
    strange = ids[((ids < 0) | (ids >= num_classes)) & (ids != IGNORE_ID)].tolist()
    if strange:
        raise ValueError(
            f'true ids must be in 0..{num_classes - 1} or {IGNORE_ID}, got {strange[:5]}. '
            'Check the class list.'
        )


def class_counts(confusion: np.ndarray) -> ClassCounts:
    """Hit, predicted and true pixels per class, each (..., C), of confusions (..., C, C)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return ClassCounts(hits, confusion.sum(axis=-2), confusion.sum(axis=-1))


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """IoU per class, (..., C) float64 in percent.

    A class that is neither predicted nor true has 0, so that the mean over all
    classes is the official mIoU.
    """
    hits, predicted, true = class_counts(confusion)
    return 100 * hits / (true + predicted - hits + _EPSILON)


def false_ratios(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False positives and false negatives over the union, each (..., C) float64 in percent.

    With the IoU they add up to 100 for a class that has any pixel.
    """
    hits, predicted, true = class_counts(confusion)
    union = true + predicted - hits + _EPSILON
    return 100 * (predicted - hits) / union, 100 * (true - hits) / union


def supported_classes(confusion: np.ndarray, min_pixels: int) -> np.ndarray:
    """Classes with at least ``min_pixels`` true pixels, (C,) bool; all thresholds agree.

    Raises:
        ValueError: ``min_pixels`` is not > 0.
    """
    if min_pixels <= 0:
        raise ValueError(f'min_pixels must be > 0, got {min_pixels}.')
    return class_counts(confusion).true.reshape(-1, confusion.shape[-1])[0] >= min_pixels


def activation_errors(confusion: np.ndarray) -> tuple[float, float, int]:
    """Over- and under-activation of one (C, C) confusion.

    The means of FP / TP and of FN / TP over the foreground classes. Where TP is 0
    the ratios are infinite, so such a class is left out of both means and counted.

    Returns:
        over-activation, under-activation (plain ratios, not percent; nan if no class is
        left), and the number of foreground classes with true pixels but no TP.
    """
    hits, predicted, true = (np.delete(n, BACKGROUND_ID) for n in class_counts(confusion))
    found = hits > 0
    missed = int(((true > 0) & ~found).sum())
    if not found.any():
        return float('nan'), float('nan'), missed
    over = (predicted - hits)[found] / hits[found]
    under = (true - hits)[found] / hits[found]
    return float(over.mean()), float(under.mean()), missed


def foreground_split(confusion: np.ndarray) -> dict[str, float]:
    """Where the wrong pixels of one (C, C) confusion lie, in percent of all pixels.

    Returns:
        ``background_as_foreground``, ``foreground_as_background`` and
        ``foreground_as_other`` (another foreground class).
    """
    total = max(int(confusion.sum()), 1)
    foreground = np.arange(len(confusion)) != BACKGROUND_ID
    among = confusion[np.ix_(foreground, foreground)]
    return {
        'background_as_foreground': 100 * confusion[BACKGROUND_ID, foreground].sum() / total,
        'foreground_as_background': 100 * confusion[foreground, BACKGROUND_ID].sum() / total,
        'foreground_as_other': 100 * (among.sum() - np.trace(among)) / total,
    }


def measures(confusion: np.ndarray, supported: np.ndarray) -> dict[str, float | int | None]:
    """All scalar measures of one (C, C) confusion as plain numbers; None where undefined.

    Args:
        confusion: (C, C) int64.
        supported: (C,) bool, the classes with a mean of their own.
    """
    iou = class_iou(confusion)
    positives, negatives = false_ratios(confusion)
    over, under, missed = activation_errors(confusion)
    values = {
        'miou': iou.mean(),
        'miou_supported': iou[supported].mean() if supported.any() else float('nan'),
        'background_iou': iou[BACKGROUND_ID],
        'foreground_miou': np.delete(iou, BACKGROUND_ID).mean(),
        'false_positives': positives.mean(),
        'false_negatives': negatives.mean(),
        'over_activation': over,
        'under_activation': under,
        **foreground_split(confusion),
    }
    plain = {name: float(v) if np.isfinite(v) else None for name, v in values.items()}
    return plain | {'foreground_classes_never_hit': missed}
