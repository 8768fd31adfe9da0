# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Lists, tags, masks, photos and CAMs that are missing, malformed or of something else."""

import json
import pickle

import numpy as np
import pytest
from fault_cases import IDS, Fault
from PIL import Image
from test_faults_checkpoints import Attack

TRAIN = 'train {seam} --data-root {root} --work-dir {work} --cfg-options {small}'
TEST = 'test {seam} {weights} --data-root {root} --work-dir {work} --cfg-options {small}'
CAMS = 'analysis/evaluate_cams {cams} --masks {true}'
MASKS = 'analysis/evaluate_cams {pseudo} --pseudo-masks --classes voc --masks {true}'
BY_TAGS = 'analysis/evaluate_cams {pseudo} --pseudo-masks --classes voc --tags {tags}'
SHOW = 'analysis/show_cams {cams} --images {photos} --out {out}'
LABELS = 'make_affinity_labels {cams} --images {photos} --out {out}'
MAKE = 'make_pseudo_masks {cams} {out}'
IMPORT = 'convert_cams {folder} {out} --to npz --ids {ids} --stride 2'
TAGS = 'prepare_tags {tags} {out}.json --classes voc'
PREDICT = 'predict {seam} {weights} {photo} --out {out} --cfg-options {model}'
BROWSE = 'analysis/browse_dataset {seam} --data-root {root} --out {out} --number 2'
OWN = 'dataset_converters/from_tags {photos} --out {out} --classes {classes} --tags {tags}'
FIRST = IDS[0]


def write(place, content, name=''):
    """Put text, bytes, JSON or an array of class ids where something else was."""

    def spoil(world):
        path = world[place] / name if name else world[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, np.ndarray):
            Image.fromarray(content).save(path)
        elif isinstance(content, (str, bytes)):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            path.write_text(json.dumps(content))

    return spoil


def remove(place, name):
    return lambda world: (world[place] / name).unlink()


def half(place, name):
    def spoil(world):
        path = world[place] / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


def cam(**changes):
    """The CAM file of the first image with arrays changed; None leaves one out."""

    def spoil(world):
        path = world['cams'] / f'{FIRST}.npz'
        arrays = dict(np.load(path)) | changes
        np.savez(path, **{name: value for name, value in arrays.items() if value is not None})

    return spoil


def pickled(content):
    """CAMs as other code writes them."""

    def spoil(world):
        for image_id in IDS:
            np.save(world['folder'] / f'{image_id}.npy', np.array(content, dtype=object))

    return spoil


def pickled_attack(world):
    for image_id in IDS:
        attack = np.array({0: Attack(world['folder'] / 'ran')}, dtype=object)
        # Written, never read here: the tool must refuse it without running what is in it.
        np.save(world['folder'] / f'{image_id}.npy', attack, allow_pickle=True)


LIST = 'ImageSets/Segmentation/train_aug.txt'
PHOTO, MASK, CAM = f'{FIRST}.jpg', f'{FIRST}.png', f'{FIRST}.npz'
WRONG_SIZE = np.zeros((5, 5), np.uint8)
WRONG_IDS = np.full((48, 64), 77, np.uint8)
COLOURS = np.zeros((48, 64, 3), np.uint8)

FAULTS = [
    # lists
    Fault('list: empty', TRAIN, (LIST, 'lists no image id'), write('root', '\n\n', LIST)),
    Fault(
        'list: twice',
        TRAIN,
        (LIST, 'listed more than once', FIRST),
        write('root', f'{FIRST}\n' * 2, LIST),
    ),
    Fault(
        'list: unknown id',
        TRAIN,
        ('train_aug.txt', '1 x missing image', 'nobody'),
        write('root', f'{FIRST}\nnobody\n', LIST),
    ),
    Fault('list: bytes', TRAIN, ('train_aug.txt', 'UTF-8'), write('root', b'\xff\xfe\x00', LIST)),
    Fault('list of CAMs: unknown id', CAMS + ' --ids {ids}', ('nobody',), write('ids', 'nobody\n')),
    Fault('list: leads out', CAMS + ' --ids {ids}', ('../x', '..'), write('ids', '../x\n')),
    # tags
    Fault(
        'tags: no JSON',
        TRAIN,
        ('image_tags.json', 'not a UTF-8 JSON file'),
        write('tags', '{"a": ['),
    ),
    Fault(
        'tags: a list',
        TRAIN,
        ('image_tags.json', 'holds a list', '{id: [class names]}'),
        write('tags', [1, 2]),
    ),
    Fault('tags: image without', TRAIN, ('image_tags.json', FIRST), write('tags', {'x': ['cat']})),
    Fault(
        'tags: unknown class',
        TAGS,
        ('image_tags.json', 'unicorn'),
        write('tags', {FIRST: ['unicorn']}),
    ),
    Fault(
        'tags: twice',
        TAGS,
        ('image_tags.json', 'more than once', 'a'),
        write('tags', '{"a": ["cat"], "a": ["dog"]}'),
    ),
    Fault('tags: text', TAGS, ('image_tags.json', FIRST), write('tags', {FIRST: 'cat'})),
    Fault(
        'tags: multi-hot of 3',
        TAGS,
        ('image_tags.json', '20', FIRST),
        write('tags', {FIRST: [0, 1, 0]}),
    ),
    Fault(
        'tags: bytes',
        TAGS,
        ('image_tags.json', 'not a UTF-8 JSON file'),
        write('tags', b'\xff\xfe'),
    ),
    Fault(
        'tags: pickle that runs code',
        TAGS.replace('{tags}', '{folder}/' + FIRST + '.npy'),
        (f'{FIRST}.npy', 'Nothing from the file was run'),
        pickled_attack,
    ),
    Fault('tags: scored', BY_TAGS, (FIRST,), write('tags', {'x': ['cat']})),
    Fault(
        'tags: photo without',
        PREDICT.replace('--out', '--tags {tags} --out'),
        ('--tags', FIRST),
        write('tags', {'x': ['cat']}),
    ),
    # dataset.json
    Fault(
        'dataset.json: no JSON',
        TRAIN,
        ('dataset.json', 'not a UTF-8 JSON file'),
        write('root', '{', 'dataset.json'),
    ),
    Fault(
        'dataset.json: keys',
        TRAIN,
        ('dataset.json', 'classes'),
        write('root', {'name': 'x'}, 'dataset.json'),
    ),
    Fault(
        'dataset.json: a list',
        BROWSE,
        ('dataset.json', 'object'),
        write('root', [], 'dataset.json'),
    ),
    # masks to train on and to score
    Fault('mask: missing', TRAIN, ('1 x missing mask', MASK), remove('pseudo', MASK)),
    Fault('mask: cut off', TRAIN, ('mask that cannot be read', MASK), half('pseudo', MASK)),
    Fault(
        'mask: class ids',
        TRAIN,
        ('class ids out of range', MASK, '77', '0..20'),
        write('pseudo', WRONG_IDS, MASK),
    ),
    Fault(
        'mask: size',
        TRAIN,
        ('mask of another size than its image', MASK),
        write('pseudo', WRONG_SIZE, MASK),
    ),
    Fault('mask: colours', TRAIN, ('8-bit class ids', MASK), write('pseudo', COLOURS, MASK)),
    Fault('mask: text', MASKS, (MASK,), write('pseudo', 'no picture', MASK)),
    Fault('label map: class ids', MASKS, (FIRST, '0..20', '77'), write('pseudo', WRONG_IDS, MASK)),
    Fault('label map: size', MASKS, (FIRST, '(5, 5)'), write('pseudo', WRONG_SIZE, MASK)),
    Fault(
        'label map by tags: class ids',
        BY_TAGS,
        (FIRST, '77', '21 classes'),
        write('pseudo', WRONG_IDS, MASK),
    ),
    Fault('true mask: missing', CAMS, ('1 x missing true mask', MASK), remove('true', MASK)),
    Fault('true mask: cut off', CAMS, (FIRST, 'Truncated'), half('true', MASK)),
    Fault('true mask: size', CAMS, (FIRST, '(5, 5)'), write('true', WRONG_SIZE, MASK)),
    Fault(
        'true mask: cut off, two processes',
        CAMS + ' --jobs 2',
        (FIRST, 'Truncated'),
        half('true', MASK),
    ),
    Fault('true mask of a test', TEST, ('2007_000009.png',), remove('true', '2007_000009.png')),
    # photos
    Fault('photo: missing', TRAIN, ('1 x missing image', PHOTO), remove('photos', PHOTO)),
    Fault('photo: text', TRAIN, (PHOTO,), write('photos', 'no picture', PHOTO)),
    Fault(
        'photo of a test: text',
        TEST,
        ('2007_000009.jpg',),
        write('photos', 'no picture', '2007_000009.jpg'),
    ),
    Fault(
        'photo of a test: empty', TEST, ('photo', 'empty'), write('photos', '', '2007_000009.jpg')
    ),
    Fault(
        'photo of a test: text, in a worker',
        TEST + ' val_dataloader.num_workers=1 test_dataloader.num_workers=1',
        ('2007_000009.jpg', 'a photo cannot be read'),
        write('photos', 'no picture', '2007_000009.jpg'),
    ),
    Fault('photo to predict: cut off', PREDICT, (PHOTO,), half('photos', PHOTO)),
    Fault(
        'photo to predict: text', PREDICT, (PHOTO, 'cannot'), write('photos', 'no picture', PHOTO)
    ),
    Fault('photo of CAMs: missing', SHOW, (FIRST, '--img-suffix'), remove('photos', PHOTO)),
    Fault(
        'photo of CAMs: size', SHOW, (FIRST, 'like the photo'), write('photos', COLOURS[:9], PHOTO)
    ),
    Fault('photo of labels: missing', LABELS, (FIRST, '--img-suffix'), remove('photos', PHOTO)),
    Fault('photo of own data: text', OWN, ('1 x', PHOTO), write('photos', 'no picture', PHOTO)),
    # CAMs
    Fault('CAM: missing', CAMS + ' --ids {ids}', (CAM,), remove('cams', CAM)),
    Fault(
        'CAM: cut off', CAMS, (CAM, 'not a complete CAM file', 'Remove the file'), half('cams', CAM)
    ),
    Fault(
        'CAM: pickle',
        CAMS,
        (CAM, 'not a complete CAM file', 'convert_cams.py'),
        write('cams', pickle.dumps({1: 2}), CAM),
    ),
    Fault('CAM: no class ids', SHOW, (CAM, 'class_ids'), cam(class_ids=None)),
    Fault(
        'CAM: class id 0',
        SHOW,
        (CAM, 'class_ids must be integers in 1..254', '[0]'),
        cam(class_ids=np.zeros(1, np.uint8), cam=np.zeros((1, 48, 64), np.float16)),
    ),
    Fault(
        'CAM: class id of another set',
        CAMS,
        (FIRST, '200'),
        cam(class_ids=np.array([200], np.uint8), cam=np.zeros((1, 48, 64), np.float16)),
    ),
    Fault(
        'CAM: NaN',
        MAKE,
        (CAM, 'cam must be finite', '3072 NaN'),
        cam(class_ids=np.ones(1, np.uint8), cam=np.full((1, 48, 64), np.nan, np.float16)),
    ),
    Fault('CAM: shape', MAKE, (CAM, '(k, h, w)'), cam(cam=np.zeros((48, 64), np.float16))),
    Fault(
        'CAM: type', MAKE, (CAM, 'cam must be float16', 'float64'), cam(cam=np.zeros((1, 48, 64)))
    ),
    Fault(
        'CAM: grid',
        LABELS,
        (CAM, 'divided by one stride'),
        cam(cam=np.zeros((1, 7, 64), np.float16), class_ids=np.ones(1, np.uint8)),
    ),
    Fault(
        'CAM: size of the photo',
        LABELS,
        (FIRST, '(20, 20)'),
        cam(
            cam=np.zeros((1, 20, 20), np.float16),
            class_ids=np.ones(1, np.uint8),
            image_size=np.array([20, 20], np.int32),
        ),
    ),
    Fault(
        'stage.json: no JSON',
        MAKE,
        ('stage.json', 'not a UTF-8 JSON file'),
        write('cams', '{', 'stage.json'),
    ),
    Fault(
        'stage.json: keys',
        MAKE,
        ('stage.json', 'background_threshold'),
        write('cams', {}, 'stage.json'),
    ),
    Fault(
        'stage.json: threshold',
        MAKE,
        ('stage.json', "'low'"),
        write('cams', {'background_threshold': 'low'}, 'stage.json'),
    ),
    Fault('stage.json: missing', LABELS, ('stage.json',), remove('cams', 'stage.json')),
    Fault(
        'stage.json: no classes',
        CAMS,
        ('--classes', 'not known'),
        write('cams', {'background_threshold': 0.2}, 'stage.json'),
    ),
    Fault(
        'output of something else',
        MAKE,
        ('out', 'no stage.json'),
        write('out', WRONG_SIZE, 'x.png'),
    ),
    # pickled CAMs of other code
    Fault('npy: code', IMPORT, (f'{FIRST}.npy', 'Nothing from the file was run'), pickled_attack),
    Fault('npy: no dictionary', IMPORT, (f'{FIRST}.npy', 'dict'), pickled([1, 2])),
    Fault('npy: class names', IMPORT, (f'{FIRST}.npy', 'cat'), pickled({'cat': np.zeros((4, 4))})),
    Fault(
        'npy: shapes',
        IMPORT,
        (f'{FIRST}.npy',),
        pickled({0: np.zeros((4, 4)), 1: np.zeros((5, 4))}),
    ),
    Fault(
        'npy: text',
        'convert_cams {folder} {out} --to npz',
        ('x.npy',),
        write('folder', 'text', 'x.npy'),
    ),
    # class lists
    Fault('classes: empty', CAMS + ' --classes {classes}', ('classes',), write('classes', '\n')),
    Fault(
        'classes: twice', CAMS + ' --classes {classes}', ('cat',), write('classes', 'cat\ncat\n')
    ),
    Fault('classes: background', OWN, ('background',), write('classes', 'background\ncat\n')),
]


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_wrong_file(fault, is_told, world):
    is_told(fault)
    assert not (world['folder'] / 'ran').exists()
