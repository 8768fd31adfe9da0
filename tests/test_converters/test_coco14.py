# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MS COCO 2014: masks, tags and lists, which variant a mask is, and what is refused."""

import json
import os
import re
import runpy
import sys
from pathlib import Path

import coco_files
import numpy as np
import pytest
from coco_files import HEIGHT, WIDTH, coco_json, write_annotations, write_coco_root
from golden import DEFAULT_FOLDER
from PIL import Image

from mmocr_wsss.artifacts import write_png
from mmocr_wsss.converters import coco14
from mmocr_wsss.converters.coco14 import convert_coco14
from mmocr_wsss.converters.coco_instances import CATEGORY_IDS, CLASS_ID_OF_CATEGORY
from mmocr_wsss.converters.coco_segmentations import compressed_runs
from mmocr_wsss.converters.coco_variants import (
    NUMBERINGS,
    VARIANTS,
    Variant,
    compare_masks,
    describe_comparison,
)
from mmocr_wsss.dataset_file import read_dataset_file
from mmocr_wsss.datasets.tag_tables import read_tags
from mmocr_wsss.labels import CLASS_SETS, palette

ROOT = Path(__file__).resolve().parents[2]
MINI = Path(os.environ.get('MMOCR_WSSS_GOLDEN') or DEFAULT_FOLDER).parent / 'data' / 'coco_mini'
TOOL = ROOT / 'tools' / 'dataset_converters' / 'coco14.py'
FIRST = 'COCO_train2014_000000000001'
PERSON, BOTTLE, TOOTHBRUSH = 1, 40, 80


@pytest.fixture
def coco(tmp_path):
    return write_coco_root(tmp_path / 'coco')


def read(path):
    return np.asarray(Image.open(path))


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and 'images' not in path.parts
    }


def test_the_numbers_of_the_classes():
    assert len(CATEGORY_IDS) == 80 and CATEGORY_IDS[0] == 1 and CATEGORY_IDS[-1] == 90
    assert CLASS_ID_OF_CATEGORY[44] == CLASS_SETS['coco14'].index('bottle') + 1 == BOTTLE
    assert CLASS_ID_OF_CATEGORY[90] == CLASS_SETS['coco14'].index('toothbrush') + 1


def test_masks_tags_and_lists(coco, tmp_path):
    out = tmp_path / 'out'
    report = convert_coco14(coco, out)
    assert report['train2014'] == {
        'images': 4, 'without objects': 1, 'objects': 12, 'crowd regions': 3,
        'objects without area': 0, 'written': 4, 'there': 0,
    }  # fmt: skip
    mask = read(out / 'masks' / 'train2014' / f'{FIRST}.png')
    assert mask.shape == (HEIGHT, WIDTH) and mask.dtype == np.uint8
    assert mask[20, 25] == PERSON  # in the bottle, smaller
    assert mask[22, 40] == TOOTHBRUSH  # smaller than the bottle
    assert mask[30, 12] == BOTTLE
    assert mask[5, 5] == 255 and mask[11, 30] == BOTTLE  # crowd, but not where an object is
    assert mask[39, 0] == 0
    opened = Image.open(out / 'masks' / 'train2014' / f'{FIRST}.png')
    assert opened.mode == 'P' and opened.getpalette()[: 3 * 81] == sum(palette(81), [])
    tags = read_tags(str(out / 'image_tags.json'), 'coco14')
    assert len(tags) == 8
    assert np.flatnonzero(tags[FIRST]).tolist() == [0, BOTTLE - 1, TOOTHBRUSH - 1]
    empty = 'COCO_train2014_000000000004'
    assert not tags[empty].any() and not read(out / f'masks/train2014/{empty}.png').any()
    lists = (out / 'lists' / 'train2014.txt').read_text().splitlines()
    assert lists == [f'COCO_train2014_{number:012d}' for number in range(1, 5)]
    assert (out / 'images/val2014/COCO_val2014_000000000101.jpg').is_file()
    facts = read_dataset_file(out)
    assert facts.classes == CLASS_SETS['coco14'] and facts.train.scored_list == facts.train.list
    for split in (facts.train, facts.val):
        for path in (split.list, split.images, split.masks):
            assert (out / path).exists()


@pytest.mark.parametrize(
    ('crowd', 'overlap', 'expected'),
    [
        ('ignore', 'smaller', (255, BOTTLE, PERSON, TOOTHBRUSH)),
        ('class', 'smaller', (PERSON, PERSON, PERSON, TOOTHBRUSH)),  # 720 < 1000
        ('skip', 'smaller', (0, BOTTLE, PERSON, TOOTHBRUSH)),
        ('skip', 'later', (0, BOTTLE, BOTTLE, TOOTHBRUSH)),
        ('skip', 'earlier', (0, BOTTLE, PERSON, BOTTLE)),
        ('skip', 'higher_id', (0, BOTTLE, BOTTLE, TOOTHBRUSH)),
        ('class', 'earlier', (PERSON, BOTTLE, PERSON, BOTTLE)),
        ('ignore', 'ignore', (255, BOTTLE, 255, 255)),
        ('class', 'ignore', (PERSON, 255, 255, 255)),
    ],
)
def test_crowds_and_overlaps(coco, tmp_path, crowd, overlap, expected):
    convert_coco14(coco, tmp_path / 'out', crowd=crowd, overlap=overlap, check_photos=False)
    mask = read(tmp_path / 'out' / 'masks' / 'train2014' / f'{FIRST}.png')
    assert (mask[5, 5], mask[11, 30], mask[17, 23], mask[22, 40]) == expected


def test_of_equal_areas_the_earlier_is_on_top(tmp_path):
    data = coco_json()
    for item in data['annotations'][:3]:
        item['area'] = 7
    write_annotations(tmp_path, 'train2014', data)
    convert_coco14(tmp_path, tmp_path / 'out', splits=['train2014'], check_photos=False)
    mask = read(tmp_path / 'out' / 'masks' / 'train2014' / f'{FIRST}.png')
    assert (mask[20, 25], mask[22, 40]) == (PERSON, BOTTLE)


def test_compressed_rle_is_drawn_like_the_uncompressed(coco, tmp_path):
    from pycocotools import mask as coco_mask

    data = coco_json()
    for item in data['annotations']:
        if item['iscrowd']:
            runs = item['segmentation']
            packed = coco_mask.frPyObjects(runs, HEIGHT, WIDTH)['counts'].decode()
            item['segmentation'] = dict(size=[HEIGHT, WIDTH], counts=packed)
    other = tmp_path / 'packed'
    write_annotations(other, 'train2014', data)
    options = dict(splits=['train2014'], check_photos=False)
    convert_coco14(coco, tmp_path / 'one', **options)
    convert_coco14(other, tmp_path / 'two', **options)
    for path in (tmp_path / 'one' / 'masks').rglob('*.png'):
        twin = tmp_path / 'two' / path.relative_to(tmp_path / 'one')
        assert path.read_bytes() == twin.read_bytes()


def test_runs_of_compressed_rle_are_those_of_pycocotools():
    from pycocotools import mask as coco_mask

    rng = np.random.default_rng(0)
    for density in (0.02, 0.5, 0.97):
        pixels = np.asfortranarray(rng.random((33, 51)) < density, np.uint8)
        runs = compressed_runs(coco_mask.encode(pixels)['counts'].decode())
        column = pixels.ravel(order='F')
        edges = np.flatnonzero(np.diff(column)) + 1
        expected = np.diff([0, *([0] if column[0] else []), *edges, column.size]).tolist()
        assert runs == expected


def test_two_processes_write_the_same(coco, tmp_path):
    convert_coco14(coco, tmp_path / 'one')
    convert_coco14(coco, tmp_path / 'two', jobs=2)
    assert contents(tmp_path / 'one') == contents(tmp_path / 'two')
    assert len(contents(tmp_path / 'one')) == 8 + 2 + 2 + 1 + 1


def test_a_stopped_run_goes_on(coco, tmp_path, monkeypatch):
    whole, part = tmp_path / 'whole', tmp_path / 'part'
    convert_coco14(coco, whole)
    drawn, draw = [], coco14.draw_mask

    def stop_at_third(*args):
        drawn.append(args)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw(*args)

    monkeypatch.setattr(coco14, 'draw_mask', stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        convert_coco14(coco, part)
    assert len(list(part.rglob('*.png'))) == 2 and not list(part.rglob('*.sqlite'))
    (part / '.instances_train2014.0123.sqlite').touch()  # as a killed run leaves
    monkeypatch.setattr(coco14, 'draw_mask', draw)
    report = convert_coco14(coco, part)
    assert report['train2014']['written'] == 2 and report['train2014']['there'] == 2
    assert contents(part) == contents(whole)


def test_other_settings_do_not_mix(coco, tmp_path):
    convert_coco14(coco, tmp_path / 'out')
    with pytest.raises(ValueError, match=r"crowd: there 'ignore', now 'skip'.*--out"):
        convert_coco14(coco, tmp_path / 'out', crowd='skip')
    data = coco_json()
    data['annotations'].pop()
    write_annotations(coco, 'train2014', data)
    with pytest.raises(ValueError, match='annotations: there'):
        convert_coco14(coco, tmp_path / 'out')


def test_a_list_with_an_order_of_its_own_stays(coco, tmp_path):
    ids = [f'COCO_train2014_{number:012d}' for number in (3, 1, 4, 2)]
    path = tmp_path / 'out' / 'lists' / 'train2014.txt'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(ids) + '\n')
    convert_coco14(coco, tmp_path / 'out')
    assert path.read_text().splitlines() == ids


def test_one_split_keeps_the_tags_of_the_other(coco, tmp_path):
    convert_coco14(coco, tmp_path / 'both')
    for split in ('train2014', 'val2014'):
        convert_coco14(coco, tmp_path / 'apart', splits=[split])
    assert contents(tmp_path / 'both') == contents(tmp_path / 'apart')


def test_photos_beside_the_annotations_are_linked(tmp_path):
    root = write_coco_root(tmp_path / 'coco')
    for split in ('train2014', 'val2014'):
        (root / 'images' / split).rename(root / split)
    (root / 'images').rmdir()
    convert_coco14(root, root)
    assert (root / 'images' / 'val2014' / 'COCO_val2014_000000000101.jpg').is_file()


def turn_by_exif(path):
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def first(change):
    """Change the first annotation."""
    return lambda data: data['annotations'][0].update(change)


MALFORMED = {
    'truncated': (lambda d: None, 'is truncated or no JSON, after'),
    'no JSON': (lambda d: None, 'is truncated or no JSON, after 0 of categories'),
    'no annotations': (lambda d: d.pop('annotations'), "has no list 'annotations' with entries"),
    'no images': (lambda d: d.update(images=[]), "has no list 'images' with entries"),
    'missing category': (lambda d: d['categories'].pop(7), '1 x missing category: 8 truck'),
    'renamed category': (
        lambda d: d['categories'][0].update(name='human'), "1 is 'human', not 'person'",
    ),
    'stuff category': (
        lambda d: d['categories'].append(dict(id=92, name='banner')), "does not have: 92 'banner'",
    ),
    'repeated category': (
        lambda d: d['categories'].append(d['categories'][3]), 'id given more than once: 4',
    ),
    'category without name': (lambda d: d['categories'][0].pop('name'), 'without id and name'),
    'unknown category': (first({'category_id': 12}), 'unknown category: annotation 10: 12'),
    'category as text': (first({'category_id': '1'}), "unknown category: annotation 10: '1'"),
    'unlisted image': (first({'image_id': 99}), 'an image that is not listed: annotation 10: 99'),
    'repeated image id': (
        lambda d: d['images'].append(d['images'][0] | {'file_name': 'x.jpg'}),
        'image id given more than once: 1',
    ),
    'repeated file': (
        lambda d: d['images'].append(d['images'][0] | {'id': 77}),
        f'image file given more than once: {FIRST}.jpg',
    ),
    'repeated annotation id': (first({'id': 11}), 'annotation id given more than once: 11'),
    'image without size': (lambda d: d['images'][0].pop('width'), 'without width in 1..65535'),
    'image of no height': (
        lambda d: d['images'][0].update(height=0), 'without height in 1..65535: COCO_train2014_',
    ),
    'file in a folder': (
        lambda d: d['images'][0].update(file_name='../x.jpg'), "plain file_name: 1: '../x.jpg'",
    ),
    'odd polygon': (first({'segmentation': [[1, 2, 3, 4, 5]]}), 'odd number of coordinates'),
    'polygon of text': (first({'segmentation': [['1', '2']]}), 'no list of finite numbers'),
    'no segmentation': (first({'segmentation': []}), 'neither polygons nor RLE: annotation 10'),
    'RLE of another size': (
        first({'segmentation': {'size': [60, 40], 'counts': [2400]}}),
        'another size than its image ([60, 40], not [40, 60])',
    ),
    'RLE too short': (
        first({'segmentation': {'size': [40, 60], 'counts': [5, 7]}}),
        'does not cover its image (12 of 2400 pixels): annotation 10',
    ),
    'negative run': (
        first({'segmentation': {'size': [40, 60], 'counts': [2500, -100]}}), 'no runs >= 0',
    ),
    'compressed nonsense': (
        first({'segmentation': {'size': [40, 60], 'counts': 'zz z'}}), 'no runs >= 0',
    ),
    'no area': (first({'area': None}), 'without an area >= 0: annotation 10: None'),
    'iscrowd of 2': (first({'iscrowd': 2}), 'iscrowd other than 0 and 1: annotation 10: 2'),
}  # fmt: skip


@pytest.mark.parametrize('case', MALFORMED)
def test_malformed_annotations(coco, tmp_path, case):
    change, message = MALFORMED[case]
    data = coco_json()
    change(data)
    path = coco / 'annotations' / 'instances_train2014.json'
    write_annotations(coco, 'train2014', data)
    if case == 'truncated':
        text = path.read_text()
        # The categories come last in the real files, and are looked at first.
        parts = json.loads(text)
        text = json.dumps({'categories': parts.pop('categories')} | parts)
        path.write_text(text[: len(text) // 2 + 2000])
    if case == 'no JSON':
        path.write_bytes(b'\x89PNG')
    with pytest.raises(ValueError) as error:
        convert_coco14(coco, tmp_path / 'out')
    assert message in str(error.value) and 'instances_train2014.json' in str(error.value)
    assert any(word in str(error.value) for word in ('again', 'expected', 'from_tags.py'))
    assert not list((tmp_path / 'out').rglob('*.png'))
    assert not list((tmp_path / 'out').rglob('.*.sqlite'))


PHOTOS = {
    'missing': (lambda path: path.unlink(), f'1 x missing photo: {FIRST}.jpg'),
    'no image': (lambda path: path.write_text('x'), f'cannot be read: {FIRST}.jpg'),
    'other size': (
        lambda path: Image.new('RGB', (WIDTH // 2, HEIGHT)).save(path), '30 x 40, not 60 x 40',
    ),
    'turned by EXIF': (turn_by_exif, f'turns included): {FIRST}.jpg 40 x 60, not 60 x 40'),
}  # fmt: skip


@pytest.mark.parametrize('case', PHOTOS)
def test_photos_that_do_not_fit(coco, tmp_path, case):
    change, message = PHOTOS[case]
    change(coco / 'images' / 'train2014' / f'{FIRST}.jpg')
    with pytest.raises(ValueError) as error:
        convert_coco14(coco, tmp_path / 'out')
    assert message in str(error.value) and '--no-photos' in str(error.value)
    assert not list((tmp_path / 'out').rglob('*.png'))
    convert_coco14(coco, tmp_path / 'out', check_photos=False)


def test_flat_polygons_keep_their_tag(coco, tmp_path):
    data = coco_json()
    data['annotations'] += [
        coco_files.annotation(900, 4, 18, [[5, 5, 9, 9, 5, 5]], 0),
        coco_files.annotation(901, 4, 17, [[5, 5, 9, 9]], 0),  # pycocotools would draw a box
    ]
    write_annotations(coco, 'train2014', data)
    report = convert_coco14(coco, tmp_path / 'out')
    assert report['train2014']['objects without area'] == 2
    assert report['train2014']['without objects'] == 0
    stem = 'COCO_train2014_000000000004'
    assert not read(tmp_path / f'out/masks/train2014/{stem}.png').any()
    assert json.loads((tmp_path / 'out/image_tags.json').read_text())[stem] == ['cat', 'dog']


def test_wrong_options_and_folders(coco, tmp_path):
    for options, message in (
        (dict(crowd='drop'), "crowd='drop' must be one of ignore, class, skip"),
        (dict(overlap='top'), "overlap='top' must be one of smaller"),
        (dict(splits=['train2017']), r"\['train2017'\] must name one or more of train2014"),
    ):
        with pytest.raises(ValueError, match=message):
            convert_coco14(coco, tmp_path / 'out', **options)
    with pytest.raises(FileNotFoundError, match=r'instances_train2014.json.*Unpack'):
        convert_coco14(tmp_path, tmp_path / 'out')
    for path in sorted((coco / 'images').rglob('*'), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(FileNotFoundError, match=r'train2014.zip.*--no-photos'):
        convert_coco14(coco, tmp_path / 'out')


# --compare


def renumbered(mask, numbering):
    background, values = NUMBERINGS[numbering]
    table = np.full(256, 255, np.uint8)
    table[0], table[1:81] = background, values
    return table[mask]


@pytest.mark.parametrize('variant', VARIANTS[:: len(VARIANTS) // 13] + VARIANTS[-1:])
def test_every_variant_is_recognised(coco, tmp_path, variant):
    convert_coco14(
        coco, tmp_path, crowd=variant.crowd, overlap=variant.overlap, splits=['train2014']
    )
    folder = tmp_path / 'elsewhere'
    for path in (tmp_path / 'masks' / 'train2014').glob('*.png'):
        number = int(path.stem.split('_')[-1])  # as alicranck/coco2voc names them
        write_png(folder / f'{number}.png', renumbered(read(path), variant.numbering))
    found = compare_masks(folder, coco / 'annotations' / 'instances_train2014.json')
    best = {tried for tried, share in found.shares if share == 1}
    assert variant in best and {tried.numbering for tried in best} == {variant.numbering}
    # What the objects of the folder tell apart: later and higher_id draw the same here.
    assert {tried.crowd for tried in best} == {variant.crowd} or variant.numbering in (
        'from_zero', 'category_ids_from_zero',  # background 255 is crowd region 255
    )  # fmt: skip
    text = describe_comparison(found)
    assert f'numbering: {variant.numbering}: ' in text and '100.000 %' in text


def test_what_the_sample_cannot_tell_is_said(tmp_path):
    data = coco_json()
    data['annotations'] = [item for item in data['annotations'] if item['id'] % 10 == 1]
    write_annotations(tmp_path, 'val2014', data)
    convert_coco14(tmp_path, tmp_path, splits=['val2014'], check_photos=False)
    assert read_dataset_file(tmp_path) is None
    found = compare_masks(
        tmp_path / 'masks' / 'val2014', tmp_path / 'annotations' / 'instances_val2014.json'
    )
    text = describe_comparison(found)
    assert 'crowd regions: cannot be told, the same for class, ignore, skip (0 pixels' in text
    assert 'overlaps: cannot be told' in text and 'values 0, 40' in text


def test_masks_of_another_kind_are_none_of_the_variants(coco, tmp_path):
    folder = tmp_path / 'masks'
    for item in coco_json()['images']:
        write_png(folder / f'{Path(item["file_name"]).stem}.png', np.full((40, 60), 7, np.uint8))
    found = compare_masks(folder, coco / 'annotations' / 'instances_train2014.json')
    assert 'none of the variants' in describe_comparison(found)


COMPARED = {
    'no folder': (lambda folder: None, FileNotFoundError, 'no such folder of masks'),
    'other names': (
        lambda folder: write_png(folder / 'a.png', np.zeros((40, 60), np.uint8)),
        ValueError, 'no mask is named as an image of',
    ),
    'other size': (
        lambda folder: write_png(folder / '1.png', np.zeros((60, 40), np.uint8)),
        ValueError, r'1 x mask of another size than its image: .*1.png \(60, 40\) not \(40, 60\)',
    ),
    'colours': (
        lambda folder: Image.new('RGB', (60, 40)).save(folder / '1.png'),
        ValueError, r"cannot be read as 8-bit ids: .*got mode 'RGB'",
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', COMPARED)
def test_masks_that_cannot_be_compared(coco, tmp_path, case):
    write, kind, message = COMPARED[case]
    folder = tmp_path / 'masks'
    if case != 'no folder':
        folder.mkdir()
        write(folder)
    with pytest.raises(kind, match=message):
        compare_masks(folder, coco / 'annotations' / 'instances_train2014.json')


# The tool, and real photos


def test_tool(coco, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name='__main__')
        return ended.value.code, capsys.readouterr()

    code, text = run(coco, '--out', tmp_path / 'out', '--jobs', 2)
    assert code == 0, text.err
    assert 'val2014\n' in text.out and re.search(r' objects +12\n', text.out)
    masks = tmp_path / 'out' / 'masks' / 'val2014'
    code, text = run(coco, '--compare', masks, '--splits', 'val2014')
    assert code == 0, text.err
    assert 'these are the masks that coco14.py makes by default' in text.out
    code, text = run(coco, '--out', tmp_path / 'out', '--crowd', 'class')
    assert code == 1 and text.err.splitlines()[-1].startswith('error: '), text.err
    for arguments, message in (
        ((), 'give either --out OUT or --compare FOLDER'),
        (('--compare', masks), 'masks of one split: --splits val2014'),
    ):
        code, text = run(coco, *arguments)
        assert code == 2 and message in text.err


def independent_mask(image, annotations):
    """Drawn without our code: one run-length code per object, pasted from large to small."""
    from pycocotools import mask as coco_mask

    size = (image['height'], image['width'])
    numbers = {category: k + 1 for k, category in enumerate(sorted(CATEGORY_IDS))}
    mask = np.zeros(size, np.uint8)
    for item in sorted(annotations, key=lambda item: -item['area']):
        code = coco_mask.merge(coco_mask.frPyObjects(item['segmentation'], *size))
        mask = np.where(coco_mask.decode(code), numbers[item['category_id']], mask)
    return mask


@pytest.mark.skipif(not MINI.is_dir(), reason=f'no photos of MS COCO in {MINI}')
@pytest.mark.parametrize('split', ['train2014', 'val2014'])
def test_real_photos(tmp_path, split):
    convert_coco14(MINI, tmp_path, splits=[split])
    data = json.loads((MINI / 'annotations' / f'instances_{split}.json').read_text())
    names = {item['id']: item['name'] for item in data['categories']}
    tags = json.loads((tmp_path / 'image_tags.json').read_text())
    listed = (tmp_path / 'lists' / f'{split}.txt').read_text().split()
    assert len(tags) == len(listed) == len(data['images'])
    for image in data['images']:
        stem = Path(image['file_name']).stem
        objects = [item for item in data['annotations'] if item['image_id'] == image['id']]
        mask = read(tmp_path / 'masks' / split / f'{stem}.png')
        np.testing.assert_array_equal(mask, independent_mask(image, objects), err_msg=stem)
        assert set(tags[stem]) == {names[item['category_id']] for item in objects}, stem
    found = compare_masks(
        tmp_path / 'masks' / split, MINI / 'annotations' / f'instances_{split}.json'
    )
    assert found.shares[0] == (Variant('sorted', 'ignore', 'smaller'), 1.0)
