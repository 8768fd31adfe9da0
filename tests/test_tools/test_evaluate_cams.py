# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Scores of a folder: equal to one argmax per threshold; one error for all faults."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.artifacts import read_json, write_png
from mmocr_wsss.cam_files import cam_grid, cam_path, full_size, read_cam, write_cam
from mmocr_wsss.functional.confusion import confusion_matrix, measures, supported_classes
from mmocr_wsss.labels import palette
from mmocr_wsss.stage_files import write_stage
from mmocr_wsss.stages.cam_folder import background_threshold, class_names, image_ids
from mmocr_wsss.stages.evaluate_cams import THRESHOLDS, evaluate_cams
from mmocr_wsss.stages.evaluate_masks import evaluate_masks
from mmocr_wsss.stages.evaluate_tags import evaluate_against_tags
from mmocr_wsss.stages.evaluation_text import split_text
from mmocr_wsss.stages.scoring import SPLITS

NAMES = ('cat', 'cow', 'dog')
SIZE = (12, 15)
IDS = [f'sub/{n}' if n % 3 == 0 else str(n) for n in range(7)]


@pytest.fixture
def folders(tmp_path):
    """CAMs (stride 1 and 3, one image without tags), palette masks, and a stage.json."""
    rng = np.random.default_rng(0)
    cams, masks = tmp_path / 'cams', tmp_path / 'masks'
    for number, image_id in enumerate(IDS):
        truth = rng.choice([0, 0, 1, 2, 3, 255], size=SIZE).astype(np.uint8)
        ids = np.flatnonzero(rng.random(3) < 0.7) + 1 if number else np.arange(0)
        grid = cam_grid(SIZE, 3 if number % 2 else 1)
        noise = rng.random((len(ids), *grid))
        shown = np.stack([truth == k for k in ids]) if len(ids) else np.zeros((0, *SIZE))
        maps = noise if number % 2 else 0.4 * shown + 0.5 * noise
        write_cam(cam_path(cams, image_id), maps, ids, SIZE)
        write_png(masks / f'{image_id}.png', truth, palette(256))
    write_stage(cams, {'background_threshold': 0.3, 'classes': list(NAMES)})
    return cams, masks


def evaluate(folders, **changes):
    options = dict(list_file=None, classes=None, threshold=None, min_pixels=1, jobs=1)
    return evaluate_cams(*folders, **options | changes)


def by_hand(folders, threshold):
    """Confusion with one argmax per image."""
    cams, masks = folders
    total = 0
    for image_id in IDS:
        cam_file = read_cam(cam_path(cams, image_id))
        scores = np.zeros((4, *SIZE), np.float32)
        scores[0] = threshold
        scores[cam_file.class_ids] = full_size(cam_file)
        truth = np.asarray(Image.open(masks / f'{image_id}.png'))
        total = total + confusion_matrix(scores.argmax(axis=0), truth, 4)
    return total


def by_hand_measures(folders, threshold):
    confusion = by_hand(folders, threshold)
    return measures(confusion, supported_classes(confusion, 1))


def test_numbers(folders):
    report = evaluate(folders)
    curve = [by_hand_measures(folders, t)['miou'] for t in THRESHOLDS]
    np.testing.assert_allclose(report['curves']['miou'], curve)
    best = int(np.argmax(curve))
    assert 0 < best < len(THRESHOLDS) - 1
    assert report['best_threshold']['threshold'] == THRESHOLDS[best]
    given = report['in_advance']
    assert given['threshold'] == 0.3 and given['source'] == 'stage.json'
    expected = by_hand(folders, 0.3)
    numbers = by_hand_measures(folders, 0.3)
    assert {k: v for k, v in given.items() if k in numbers} == numbers
    assert given['classes']['cow']['true_pixels'] == expected[2].sum()
    assert given['classes']['cow']['iou'] + given['classes']['cow']['false_positives'] + given[
        'classes'
    ]['cow']['false_negatives'] == pytest.approx(100)
    assert report['num_images'] == 7 and report['stage']['classes'] == list(NAMES)


def test_what_is_chosen_on_true_masks_says_so(folders):
    report = evaluate(folders)
    oracle = {key for key, value in report.items() if isinstance(value, dict) and 'oracle' in value}
    marked = {key for key in oracle if report[key]['oracle']}
    assert marked == {'best_threshold', 'best_threshold_supported', 'best_power', 'curves'}
    assert oracle - marked == {'in_advance'}


def test_threshold_in_advance(folders):
    # 0.305 is none of the sweep's thresholds; the curves must not change.
    report = evaluate(folders, threshold=0.305)
    assert report['in_advance']['source'] == 'given'
    assert report['in_advance']['miou'] == by_hand_measures(folders, 0.305)['miou']
    assert report['curves'] == evaluate(folders)['curves']
    (folders[0] / 'stage.json').unlink()
    report = evaluate(folders, classes=NAMES)
    assert report['in_advance'] is None and report['stage'] is None


def test_min_pixels_leaves_classes_out_of_one_mean_only(folders):
    everything = evaluate(folders)
    pixels = {n: row['true_pixels'] for n, row in everything['in_advance']['classes'].items()}
    border = sorted(pixels.values())[1]
    report = evaluate(folders, min_pixels=border)
    kept = {name for name, count in pixels.items() if count >= border}
    assert set(report['supported_classes']) == kept and len(kept) == 3
    rows = report['in_advance']['classes']
    assert report['in_advance']['miou_supported'] == pytest.approx(
        np.mean([rows[name]['iou'] for name in kept])
    )
    assert report['in_advance']['miou'] == everything['in_advance']['miou']
    assert max(report['curves']['miou_supported']) == pytest.approx(
        report['best_threshold_supported']['miou_supported']
    )


def test_two_processes_give_the_same(folders):
    assert evaluate(folders, jobs=2) == evaluate(folders)


def test_a_list_and_left_over_files(folders, tmp_path):
    (tmp_path / 'ids.txt').write_text('1\nsub/3\n')
    report = evaluate(folders, list_file=tmp_path / 'ids.txt')
    assert report['num_images'] == 2 and report['list'].endswith('ids.txt')
    (folders[0] / '.9.0123456789abcdef.npz').write_bytes(b'half a file')
    assert evaluate(folders)['num_images'] == 7


def test_missing_files_are_one_error(folders, tmp_path):
    (folders[1] / '1.png').unlink()
    (folders[1] / 'sub' / '3.png').unlink()
    (tmp_path / 'ids.txt').write_text('1\n2\nsub/3\nnew\n')
    with pytest.raises(ValueError) as error:
        evaluate(folders, list_file=tmp_path / 'ids.txt')
    text = str(error.value)
    assert re.search(r'3 x missing true mask: .*1\.png, .*sub/3\.png, .*new\.png', text)
    assert re.search(r'1 x missing file: .*new\.npz', text) and '--ids' in text


@pytest.mark.parametrize('jobs', [1, 2])
def test_files_that_do_not_fit_are_one_error(folders, jobs):
    write_png(folders[1] / '1.png', np.zeros((3, 4), np.uint8))
    write_png(folders[1] / '2.png', np.full(SIZE, 9, np.uint8))
    (folders[0] / '4.npz').write_bytes(b'half')
    Image.new('RGB', SIZE[::-1]).save(folders[1] / '5.png')
    with pytest.raises(ValueError) as error:
        evaluate(folders, jobs=jobs)
    text = str(error.value)
    assert '4 x image that cannot be scored: 1 (the true mask must have the size (12, 15)' in text
    for part in ('got [9]', '4.npz: not a complete CAM file', '5.png: a mask must be an 8-bit'):
        assert part in text


def test_label_maps_are_scored_by_the_same_measures(folders, tmp_path):
    cams, masks = folders
    for image_id in IDS:
        cam_file = read_cam(cam_path(cams, image_id))
        scores = np.zeros((4, *SIZE), np.float32)
        scores[0] = 0.3
        scores[cam_file.class_ids] = full_size(cam_file)
        write_png(tmp_path / 'maps' / f'{image_id}.png', scores.argmax(axis=0).astype(np.uint8))
    report = evaluate_masks(
        tmp_path / 'maps', masks, list_file=None, classes=NAMES, min_pixels=1, jobs=1
    )
    given = evaluate(folders)['in_advance']
    shared = set(given) & set(report['label_maps']) - {'classes'}
    assert len(shared) > 10
    assert {k: report['label_maps'][k] for k in shared} == {k: given[k] for k in shared}
    for name, row in given['classes'].items():
        found = report['label_maps']['classes'][name]
        assert {k: found[k] for k in row} == row
    assert report['label_maps']['ignored'] == 0 and report['label_maps']['oc_rate'] is None


def test_ignored_pixels_out_of_candidate_and_precision(tmp_path):
    maps, masks = tmp_path / 'maps', tmp_path / 'masks'
    # Image a: cat true on 4 pixels: 2 hit, 1 ignored, 1 taken for a cow; 2 of background, one cat.
    write_png(masks / 'a.png', np.array([[1, 1, 1, 1, 0, 0, 255]], np.uint8))
    write_png(maps / 'a.png', np.array([[1, 1, 255, 2, 0, 1, 2]], np.uint8))
    tags = tmp_path / 'tags.json'
    tags.write_text('{"a": ["cat"]}')
    options = dict(list_file=None, classes=NAMES, min_pixels=1, jobs=1, tags=tags)
    report = evaluate_masks(maps, masks, **options)
    result = report['label_maps']
    cat = result['classes']['cat']
    assert cat['precision'] == pytest.approx(200 / 3) and cat['recall'] == pytest.approx(50)
    assert cat['iou'] == pytest.approx(100 * 2 / 4)
    assert (cat['true_pixels'], cat['ignored_pixels']) == (4, 1)
    assert result['ignored'] == pytest.approx(100 / 6)
    assert result['oc_rate'] == pytest.approx(100 / 6)  # the cow; ignored truth does not count
    named = evaluate_masks(maps, masks, **options, supported=['cat'])['label_maps']
    assert named['miou_supported'] == cat['iou'] and named['miou'] == result['miou']
    with pytest.raises(ValueError, match=r"--supported: \['cta'\] are no classes"):
        evaluate_masks(maps, masks, **options, supported=['cta'])
    tags.write_text('{"b": ["cat"]}')
    with pytest.raises(ValueError, match='1 x image without tags: a'):
        evaluate_masks(maps, masks, **options)


@pytest.mark.parametrize(
    ('images', 'text'),
    [
        (1464, '1,464 images, the size of PASCAL VOC 2012 train'),
        (10582, '10,582 images, the size of PASCAL VOC 2012 train_aug'),
        (437, '437 images, not the size of a published split'),
    ],
)
def test_the_split_stands_in_the_output(images, text):
    assert split_text({'num_images': images, 'split_of_this_size': SPLITS.get(images)}) == text


def test_tool(folders, run_tool, tmp_path, capsys):
    out = tmp_path / 'report.json'
    assert run_tool(
        'analysis/evaluate_cams', folders[0], '--masks', folders[1], '--out', out
    ) == 0  # fmt: skip
    printed, progress = capsys.readouterr()
    report = read_json(out)
    best, given = report['best_threshold'], report['in_advance']
    assert report == json.loads(json.dumps(evaluate(folders)))
    assert f'Threshold 0.3 (stage.json)\n  mIoU {given["miou"]:.2f}, ' in printed
    warning = "oracle: chosen on true masks; do not report as a method's result without saying so"
    assert f'Best threshold {best["threshold"]:g} [{warning}]' in printed
    assert printed.count(warning) == 3
    assert re.search(rf'^cow +{best["classes"]["cow"]["true_pixels"]} ', printed, re.MULTILINE)
    assert '7/7' in progress and 'ETA' in progress


def test_tool_errors_are_one_line_and_label_maps_work(folders, run_tool, capsys):
    assert run_tool('analysis/evaluate_cams', folders[0] / 'no', '--masks', folders[1]) == 1
    assert re.match(r'error: .*no: no such folder', capsys.readouterr().err)
    command = ['analysis/evaluate_cams', folders[1], '--pseudo-masks', '--masks', folders[1]]
    assert run_tool(*command) == 1
    assert 'the classes are not known' in capsys.readouterr().err
    maps = folders[0].parent / 'maps'
    for image_id in IDS:
        write_png(maps / f'{image_id}.png', np.zeros(SIZE, np.uint8))
    (maps.parent / 'names.txt').write_text('\n'.join(NAMES))
    command[1:2] = [maps, '--classes', maps.parent / 'names.txt']
    assert run_tool(*command) == 0
    assert 'Label maps\n  mIoU' in capsys.readouterr().out


def test_folder_questions(tmp_path):
    with pytest.raises(ValueError, match='holds no .npz file'):
        image_ids(tmp_path, '.npz', None)
    (tmp_path / 'names.txt').write_text('cat\ntraffic light\n')
    assert class_names(str(tmp_path / 'names.txt'), None) == ('cat', 'traffic light')
    assert len(class_names('voc', {'classes': ['cat']})) == 20
    assert class_names(None, {'classes': ['cat']}) == ('cat',)
    with pytest.raises(FileNotFoundError, match='--classes vocc: neither one of'):
        class_names('vocc', None)
    assert background_threshold(None, {'background_threshold': None}) == (None, 'nowhere')
    assert background_threshold(0.0, {'background_threshold': 0.4}) == (0.0, 'given')


def write_label_maps(folder):
    """Two maps of three classes; returns the table of tags."""
    first = np.zeros(SIZE, np.uint8)
    first[:3], first[3:5], first[11] = 1, 3, 255  # 45 of class 1, 30 of class 3, 15 ignored
    write_png(folder / 'a.png', first, palette(256))
    write_png(folder / 'sub' / 'b.png', np.full(SIZE, 2, np.uint8), palette(256))
    return {'a': ['cat'], 'sub/b': ['cow', 'dog'], 'c': ['dog']}


def test_label_maps_against_tags_alone(tmp_path):
    tags = write_label_maps(tmp_path)
    options = dict(list_file=None, classes=NAMES, jobs=1)
    report = evaluate_against_tags(tmp_path, tags, **options)
    result = report['label_maps']
    assert report['num_images'] == 2 and report['masks'] is None
    assert result['miou'] is None and result['miou_supported'] is None
    assert result['oc_rate'] == pytest.approx(100 * 30 / 360)
    assert result['ignored'] == pytest.approx(100 * 15 / 360)
    assert result['classes']['dog'] == {'predicted_pixels': 30, 'oc_pixels': 30}
    assert result['classes']['cat'] == {'predicted_pixels': 45, 'oc_pixels': 0}
    assert result['classes']['background'] == {'predicted_pixels': 90, 'oc_pixels': 0}
    bare = evaluate_against_tags(tmp_path, tags, background=False, **options)
    assert bare['label_maps']['oc_rate'] == pytest.approx(100 * 120 / 360)
    with pytest.raises(ValueError, match='image without tags: sub/b'):
        evaluate_against_tags(tmp_path, {'a': ['cat']}, **options)
    with pytest.raises(ValueError, match=r'class ids \[3\], but there are 3 classes with'):
        evaluate_against_tags(
            tmp_path, {'a': ['cat'], 'sub/b': []}, **options | {'classes': NAMES[:2]}
        )
    ids = tmp_path / 'ids.txt'
    ids.write_text('a\nc\n')
    with pytest.raises(ValueError, match='1 x missing file: .*c.png') as error:
        evaluate_against_tags(tmp_path, tags, **options | {'list_file': ids})
    assert 'true mask' not in str(error.value)


def test_the_tool_without_masks(run_tool, tmp_path, capsys):
    tags = tmp_path / 'tags.json'
    tags.write_text(json.dumps(write_label_maps(tmp_path / 'maps')))
    names = tmp_path / 'names.txt'
    names.write_text('\n'.join(NAMES))
    command = ['analysis/evaluate_cams', tmp_path / 'maps', '--pseudo-masks', '--classes', names]
    assert run_tool(*command, '--tags', tags, '--out', tmp_path / 'numbers.json') == 0
    text = capsys.readouterr().out
    assert 'against the tags, no true masks: 2 images' in text and 'OC rate 8.33 %' in text
    assert read_json(tmp_path / 'numbers.json')['label_maps']['oc_rate'] == pytest.approx(
        8.3333, 1e-4
    )
    assert run_tool(*command, '--tags', tags, '--no-background') == 0
    assert 'OC rate 33.33 %' in capsys.readouterr().out
    for options, message in (
        ((), 'give --masks; or --pseudo-masks and --tags'),
        (('--tags', tags, '--supported', 'cat'), '--supported needs --masks'),
    ):
        with pytest.raises(SystemExit):
            run_tool(*command, *options)
        assert message in capsys.readouterr().err
