# Copyright (c) mmocr_wsss contributors. All rights reserved.
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.datasets.pseudo_mask_dataset import PseudoMaskDataset
from mmocr_wsss.datasets.synthetic_drawing import (
    CONTEXTS,
    OWN_PART,
    SHARED_PART,
    SYNTHETIC_CLASSES,
    Canvas,
    draw_object,
)
from mmocr_wsss.datasets.synthetic_scenes import (
    make_pseudo_mask,
    make_scene,
    write_synthetic_dataset,
)

NUM_SCENES = 40


@pytest.fixture(scope='module')
def scenes():
    """Scenes with their pseudo masks."""
    made = []
    for index in range(NUM_SCENES):
        rng = np.random.default_rng([7, index])
        scene = make_scene(rng, 96, 128)
        made.append((scene, make_pseudo_mask(scene, rng)))
    return made


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp('scenes') / 'set'
    return write_synthetic_dataset(out, num_train=6, num_val=3, seed=3)


def digests(folder):
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_same_seed_gives_the_same_bytes_and_another_seed_others(root, tmp_path):
    again = write_synthetic_dataset(tmp_path / 'again', num_train=6, num_val=3, seed=3)
    other = write_synthetic_dataset(tmp_path / 'other', num_train=6, num_val=3, seed=4)
    assert len(digests(root)) == 9 + 9 + 6 + 2 + 2
    assert digests(again) == digests(root)
    assert digests(other)['JPEGImages/val_0000.jpg'] != digests(root)['JPEGImages/val_0000.jpg']


def test_a_scene_does_not_depend_on_how_many_are_made(root, tmp_path):
    fewer = digests(write_synthetic_dataset(tmp_path / 'x', num_train=2, num_val=1, seed=3))
    for name in ('pseudo_masks/train_0001.png', 'SegmentationClass/val_0000.png'):
        assert fewer[name] == digests(root)[name]


def test_convention_tags_are_the_classes_of_the_true_mask(root):
    tags = json.loads((root / 'image_tags.json').read_text())
    assert len(tags) == 9
    for path in (root / 'SegmentationClass').iterdir():
        ids = set(np.unique(np.array(Image.open(path))).tolist()) - {0}
        assert {SYNTHETIC_CLASSES[k - 1] for k in ids} == set(tags[path.stem])


def test_convention_pseudo_masks_hold_tagged_classes_background_and_ignore(root, scenes):
    tags = json.loads((root / 'image_tags.json').read_text())
    for path in (root / 'pseudo_masks').iterdir():
        ids = set(np.unique(np.array(Image.open(path))).tolist()) - {0, 255}
        assert {SYNTHETIC_CLASSES[k - 1] for k in ids} <= set(tags[path.stem])
    for scene, pseudo_mask in scenes:
        assert set(np.unique(pseudo_mask).tolist()) <= {0, 255, *scene.class_ids}


def test_every_tagged_class_is_visible(scenes):
    for scene, _ in scenes:
        counts = np.bincount(scene.mask.ravel(), minlength=7)
        assert set(np.flatnonzero(counts[1:]) + 1) == set(scene.class_ids)
        assert min(counts[k] for k in scene.class_ids) >= 60


def test_pseudo_masks_are_wrong_in_the_ways_of_cam_masks(scenes):
    wrong = {'missed': 0, 'spilled': 0, 'confused': 0}
    kept = truth = 0
    for scene, pseudo_mask in scenes:
        known, is_object = pseudo_mask != 255, scene.mask > 0
        wrong['missed'] += (is_object & (pseudo_mask == 0)).sum()
        wrong['spilled'] += (~is_object & known & (pseudo_mask > 0)).sum()
        confused = known & is_object & (pseudo_mask > 0) & (pseudo_mask != scene.mask)
        wrong['confused'] += confused.sum()
        kept += (is_object & (pseudo_mask == scene.mask)).sum()
        truth += is_object.sum()
        assert len(scene.class_ids) > 1 or not confused.any()
    # Bounds around the values measured for these seeds: each kind of noise is there, none rules.
    assert all(0.02 * truth < count < 0.35 * truth for count in wrong.values()), wrong
    assert 0.6 < kept / truth < 0.95


def test_scenes_cover_all_classes_and_pairs_share_scenes(scenes):
    tag_sets = [set(scene.class_ids) for scene, _ in scenes]
    assert set().union(*tag_sets) == set(range(1, 7))
    pairs = [{1, 2}, {3, 4}, {5, 6}]  # boat and duck, car and bus, cow and sheep
    assert all(any(pair <= tags for tags in tag_sets) for pair in pairs)
    assert all(any(len(pair & tags) == 1 for tags in tag_sets) for pair in pairs)


@pytest.mark.parametrize('pair', CONTEXTS.values(), ids=CONTEXTS)
def test_look_alikes_share_the_place_of_their_shared_part(pair):
    parts = []
    for name in pair:
        canvas = Canvas(100, 140)
        draw_object(canvas, name, (70, 90), 40.0, np.random.default_rng(0))
        assert set(np.unique(canvas.label)) == {0, SYNTHETIC_CLASSES.index(name) + 1}
        assert (canvas.part == OWN_PART).sum() > 100
        # The parts of its own may cover the shared one, and the drawing may be mirrored.
        shared = canvas.part == SHARED_PART
        parts.append(shared | shared[:, ::-1])
    overlap = (parts[0] & parts[1]).sum() / (parts[0] | parts[1]).sum()
    assert overlap > 0.6


def test_files_fit_our_dataset(root):
    from mmengine.registry import init_default_scope

    init_default_scope('mmseg')
    dataset = PseudoMaskDataset(
        classes=SYNTHETIC_CLASSES,
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks'),
        ann_file='ImageSets/Segmentation/train.txt',
    )
    assert len(dataset) == 6
    assert Image.open(root / 'JPEGImages' / 'train_0000.jpg').size == (128, 96)


def test_a_folder_with_files_is_refused(root):
    with pytest.raises(FileExistsError, match='is not empty; give a new folder or delete'):
        write_synthetic_dataset(root, num_train=1, num_val=1, seed=0)


@pytest.mark.parametrize(('num_train', 'num_val'), [(0, 1), (1, 0)])
def test_an_empty_split_is_refused(tmp_path, num_train, num_val):
    with pytest.raises(ValueError, match=f'at least one scene per split, got {num_train} and'):
        write_synthetic_dataset(tmp_path / 'x', num_train=num_train, num_val=num_val, seed=0)


def test_a_scene_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match='at least 48 x 48 pixels, got 40 x 128'):
        make_scene(np.random.default_rng(0), 40, 128)
