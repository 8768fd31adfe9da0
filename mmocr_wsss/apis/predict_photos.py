# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Label maps and pictures of any photos, for ``tools/predict.py``."""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.utils import ProgressBar
from PIL import Image

from mmocr_wsss.apis.inferencer import Inferencer, Prediction
from mmocr_wsss.apis.photo_inputs import collect_photos
from mmocr_wsss.artifacts import (
    Offenders,
    atomic_path,
    read_json,
    sha256_of_file,
    write_json,
    write_png,
)
from mmocr_wsss.converters.own_photos import photo_size
from mmocr_wsss.datasets.image_tag_dataset import match_tags
from mmocr_wsss.datasets.tag_tables import collect_tags, names_of
from mmocr_wsss.engine.launch import load_config
from mmocr_wsss.engine.safe_checkpoint import check_checkpoint_path
from mmocr_wsss.labels import palette
from mmocr_wsss.stage_files import image_file, open_stage_folder, require_same_stage
from mmocr_wsss.visualization.predicted_photo import draw_prediction

SUMMARY = 'summary.json'
#: Folder of what is written per photo -> its suffix. The record is last: with it, all are there.
_OUTPUTS = {'masks': '.png', 'overlays': '.png', 'records': '.json'}


def predict_photos(args: argparse.Namespace) -> str:
    """Write label map, picture and record of every photo, and the summary of the folder.

    Photos whose files are there already are skipped. One that cannot be read does not stop
    the others.

    Args:
        args: options of ``tools/predict.py``.

    Returns:
        What was done, as a line of text.

    Raises:
        FileNotFoundError: inputs, config, checkpoint or tags are not there.
        ValueError: an option does not fit, photos would write the same output or have no tags,
            ``--out`` holds what something else made, or photos cannot be read (at the
            end): one error for all.
    """
    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise ValueError(f'--out {out}: is a file; give the folder for the results.')
    if args.restrict and args.tags is None:
        raise ValueError('--restrict needs --tags: they say which classes are admitted.')
    photos = collect_photos(args.inputs, leave_out=out)
    cfg, _ = load_config(args)
    check_checkpoint_path(args.checkpoint, 'checkpoint')
    inferencer = Inferencer(cfg, args.checkpoint, device=args.device)
    tags = None if args.tags is None else _tags(args.tags, photos, inferencer)
    facts = _facts(args, inferencer)
    require_same_stage(out, facts, option='--out', suffix='.png')
    open_stage_folder(out, facts)
    todo = _unfinished(out, photos)
    bad = Offenders('photos')
    _predict(inferencer, out, {name: photos[name] for name in todo}, tags, args, bad)
    summary = _summary(out, with_tags=tags is not None)
    write_json(out / SUMMARY, summary)
    bad.raise_if_any(
        'All others are done; mend these and run the same command again.', show_all=True
    )
    line = f'{out}: {len(todo)} photos predicted, {len(photos) - len(todo)} were there'
    if tags is None:
        return line
    return f'{line}; OC rate {100 * summary["out_of_candidate"]:.2f} % of {summary["photos"]}'


def _tags(source: str, photos: dict[str, str], inferencer: Inferencer) -> dict[str, Sequence[str]]:
    """{name: class names} of all photos."""
    inferencer.candidates([])  # refuses a model without background
    classes = inferencer.classes[1:]
    bad = Offenders(f'--tags {source}')
    rows = match_tags(set(photos.values()), collect_tags(source, classes, bad), bad)
    bad.raise_if_any(
        'Every photo needs an entry {id: [class names]} whose id is its file name without suffix, '
        'or its path without suffix where names repeat (folder/name), and names among '
        f'{list(classes)}.'
    )
    return {name: names_of(rows[path], classes) for name, path in photos.items()}


def _facts(args: argparse.Namespace, inferencer: Inferencer) -> dict[str, Any]:
    """What the results depend on; the device and the batches are left out."""
    made_by = [inferencer.cfg.model, inferencer.pipeline_cfg]
    text = json.dumps(made_by, sort_keys=True, default=str)
    weights = os.path.expanduser(args.checkpoint)
    return dict(
        stage='predict',
        config=os.path.basename(args.config),
        config_sha256=hashlib.sha256(text.encode()).hexdigest(),
        checkpoint=os.path.basename(args.checkpoint),
        checkpoint_sha256=sha256_of_file(weights) if os.path.isfile(weights) else args.checkpoint,
        classes=list(inferencer.classes),
        tags=args.tags and _digest(args.tags),
        restrict=args.restrict,
        background_threshold=None,
    )


def _digest(path: str) -> str:
    """Of a file its content; of a folder the path."""
    return sha256_of_file(path) if os.path.isfile(path) else os.path.abspath(path)


def _paths(out: Path, name: str) -> dict[str, Path]:
    return {kind: image_file(out / kind, name, end) for kind, end in _OUTPUTS.items()}


def _unfinished(out: Path, photos: dict[str, str]) -> list[str]:
    """Names of the photos of which something is missing.

    Raises:
        ValueError: there are results of another photo of the same name.
    """
    todo, bad = [], Offenders(str(out))
    for name, path in photos.items():
        paths = _paths(out, name)
        if not all(path.is_file() for path in paths.values()):
            todo.append(name)
        elif (record := read_json(paths['records']))['sha256'] != sha256_of_file(path):
            bad.add('result of another photo of the same name', f'{name} ({record["photo"]})')
    bad.raise_if_any(
        'Write to another folder (--out), or, where a photo was changed, remove its mask.'
    )
    return todo


def _predict(inferencer, out, photos, tags, args, bad) -> None:
    if not photos:
        return
    names = list(photos)
    if args.batch_size > 1:  # photos of one size fill a batch
        names.sort(key=lambda name: _size(photos[name]))
    bar = ProgressBar(len(names), file=sys.stderr)
    for start in range(0, len(names), args.batch_size):
        chunk = names[start : start + args.batch_size]
        images = {}
        for name in chunk:
            try:
                images[name] = inferencer.read(photos[name])
            except (ValueError, OSError) as error:
                bad.add('photo that cannot be used', error)
        predictions = inferencer.predict(
            list(images.values()),
            tags=None if tags is None else [tags[name] for name in images],
            restrict=args.restrict,
            batch_size=args.batch_size,
        )
        for (name, image), prediction in zip(images.items(), predictions, strict=True):
            _write(out, name, photos[name], image, prediction, inferencer.classes)
        bar.update(len(chunk))
    sys.stderr.write('\n')


def _size(path: str) -> tuple[int, int]:
    try:
        return photo_size(path)
    except ValueError:  # said where it is read
        return 0, 0


def _write(
    out: Path, name: str, path: str, image: np.ndarray, prediction: Prediction, classes
) -> None:
    paths = _paths(out, name)
    write_png(paths['masks'], prediction.label_map, palette(len(classes)))
    rgb = np.ascontiguousarray(np.rint(image[..., ::-1]).clip(0, 255).astype(np.uint8))
    picture = draw_prediction(
        rgb, prediction.label_map, classes, title=name, candidates=prediction.candidates,
        unrestricted=prediction.unrestricted,
    )  # fmt: skip
    with atomic_path(paths['overlays']) as temporary:
        Image.fromarray(picture).save(temporary)
    write_json(paths['records'], _record(path, prediction, classes))


def _record(path: str, prediction: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    """Shares are of all pixels of the photo."""
    height, width = prediction.label_map.shape
    record = dict(
        photo=path, sha256=sha256_of_file(path), height=height, width=width,
        classes=_shares(prediction.label_map, np.ones(len(classes), bool), classes),
    )  # fmt: skip
    outside = prediction.outside
    if prediction.candidates is not None and outside is not None:  # known tags
        record['tags'] = names_of(prediction.candidates[1:], classes[1:])
        record['out_of_candidate'] = float(outside.mean())
        record['not_tagged'] = _shares(prediction.unrestricted, ~prediction.candidates, classes)
    return record


def _shares(label_map: np.ndarray, counted: np.ndarray, classes) -> dict[str, float]:
    """{class name: share of the pixels}, of those that are counted and occur."""
    pixels = np.bincount(label_map.ravel(), minlength=len(classes))
    return {classes[k]: pixels[k] / label_map.size for k in np.flatnonzero(counted & (pixels > 0))}


def _summary(out: Path, *, with_tags: bool) -> dict[str, Any]:
    """Of all that the folder holds, from this and earlier runs."""
    folder = out / 'records'
    records = {
        path.relative_to(folder).as_posix().removesuffix('.json'): read_json(path)
        for path in sorted(folder.rglob('[!.]*.json'))
    }
    summary: dict[str, Any] = dict(photos=len(records))
    if with_tags:
        pixels = [record['height'] * record['width'] for record in records.values()]
        outside = [record['out_of_candidate'] for record in records.values()]
        summary['out_of_candidate'] = float(np.dot(pixels, outside) / max(sum(pixels), 1))
    summary['images'] = records
    return summary
