# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Images of one's own: what data set comes out, and what odd input leads to."""

import json
import os
import runpy
import sys
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import own_files
import pytest
from own_files import CLASSES, IDS, TAGS, contents, convert, encoded, pixels, put, stored
from PIL import Image

from mmocr_wsss.artifacts import write_png
from mmocr_wsss.converters import own_data, own_lists, own_photos
from mmocr_wsss.converters.own_lists import split_ids
from mmocr_wsss.converters.own_photos import flat_ids, photo_size
from mmocr_wsss.dataset_file import DATASET_FILE, DatasetFacts, Split, read_dataset_file
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.tagged_image_dataset import TaggedImageDataset
from mmocr_wsss.labels import palette

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/from_tags.py'
VAL = ['a__2', 'b__deep__5']
EACH = sorted(IDS.values())


@pytest.fixture
def own(tmp_path):
    own_files.write_own_images(tmp_path)
    return tmp_path


def by_id(root):
    return json.loads((root / 'out/image_tags.json').read_text())


def write_masks(root, name=lambda path: IDS[path].replace('__', '/'), value=1):
    """A mask of class ids 0 and ``value`` and 255 for every image."""
    mask = np.zeros((own_files.HEIGHT, own_files.WIDTH), np.uint8)
    mask[4:20], mask[20:] = value, 255
    for path in TAGS:
        write_png(root / f'masks/{name(path)}.png', mask)


def test_a_data_set_comes_out(own):
    put(own / 'in/notes.txt', 'no image')
    put(own / 'in/.hidden/7.jpg', 'no image')
    put(own / 'in/a/._1.jpg', 'no image')
    report = convert(own, val_share=0.4, min_per_class=2)
    out = own / 'out'
    assert by_id(own) == {image_id: TAGS[path] for path, image_id in sorted(IDS.items())}
    assert (out / 'classes.txt').read_text().splitlines() == list(CLASSES)
    assert list(read_id_list(out / 'lists/val.txt')) == VAL
    assert list(read_id_list(out / 'lists/train.txt')) == sorted({*EACH} - {*VAL})
    splits = Split('lists/train.txt', 'images'), Split('lists/val.txt', 'images')
    assert read_dataset_file(out) == DatasetFacts(CLASSES, True, '.jpg', 'image_tags.json', *splits)
    assert json.loads((out / 'report.json').read_text()) == report
    assert report == {
        'num_images': 6,
        'num_train': 4,
        'num_val': 2,
        'num_masks': 0,
        'per_class': {
            'cat': {'train': 1, 'val': 2},
            'dog': {'train': 2, 'val': 1},
            'hot dog': {'train': 1, 'val': 1},
        },
        'rare_classes': ['cat', 'hot dog'],
        'rare_in_val': ['dog', 'hot dog'],
        'unused_classes': [],
        'sources': {image_id: path for path, image_id in IDS.items()},
        'other_files': 1,
        **dict.fromkeys(('merged_rows', 'merged_copies'), 0),
        **{
            key: []
            for key in (
                'without_tags', 'unreadable', 'duplicates', 'duplicates_with_other_tags',
                'duplicate_rows', 'missing_images',
            )
        },
    }  # fmt: skip
    # A JPEG is copied, a PNG encoded.
    assert (out / 'images/a__1.jpg').read_bytes() == (own / 'in/a/1.jpg').read_bytes()
    mode, photo = stored(own, 'a__2')
    assert mode == 'RGB' and abs(photo - pixels(1)).max() <= 3


def test_the_datasets_of_the_configs_read_it(own):
    convert(own, val_share=0.4)
    facts = read_dataset_file(own / 'out')
    dataset = TaggedImageDataset(
        facts.classes,
        facts.tags,
        facts.train.list,
        str(own / 'out'),
        dict(img_path=facts.train.images),
    )
    assert [item['img_id'] for item in map(dataset.get_data_info, range(4))] == sorted(
        {*EACH} - {*VAL}
    )


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('tags.csv', own_files.csv_of_columns(TAGS)),
        ('tags.csv', own_files.csv_of_columns(TAGS, ';').replace('image', '\ufeffimage')),
        ('tags.tsv', own_files.csv_of_columns(TAGS, '\t').replace('\n', '\r\n')),
        ('tags.csv', own_files.csv_of_names(TAGS).replace(',', ';')),
        ('tags.csv', own_files.csv_of_names(TAGS).replace('cat|dog', '"cat, dog"')),
        ('tags.csv', own_files.csv_of_names(TAGS).replace('|', ' ; ').replace('/', '\\')),
        ('tags.csv', own_files.csv_of_names(TAGS).replace('image,tags', '"Image", Tags')),
        ('tags.json', json.dumps(TAGS)),
        ('tags.json', own_files.json_of_numbers(TAGS)),
        ('tags.json', json.dumps({Path(path).stem: names for path, names in TAGS.items()})),
        ('tags.json', json.dumps({Path(path).name: names for path, names in TAGS.items()})),
        ('tags.json', json.dumps({'./' + path[:-4]: names for path, names in TAGS.items()})),
    ],
)
def test_forms_of_tags(name, content, own):
    convert(own, out=own / 'by_names')
    put(own / name, content)
    convert(own, tags=own / name)
    assert contents(own / 'out') == contents(own / 'by_names')


def test_a_folder_per_class(own):
    both = encoded(pixels(9))
    for path, content in {
        'per/cat/x/1.jpg': encoded(pixels(1)),
        'per/cat/1.jpg': encoded(pixels(2)),
        'per/dog/1.jpg': both,
        'per/hot dog/1 (copy).jpg': both,
        'per/hot dog/2.jpg': encoded(pixels(3)),
        'per/hot dog/3.jpg': encoded(pixels(3)),
    }.items():
        put(own / path, content)
    report = convert(own, images=own / 'per', tags=None)
    assert by_id(own) == {
        'cat__1': ['cat'],
        'cat__x__1': ['cat'],
        'dog__1': ['dog', 'hot dog'],
        'hot_dog__2': ['hot dog'],
    }
    assert report['merged_copies'] == 1 and report['duplicates_with_other_tags'] == []
    assert report['duplicates'] == [['hot dog/2.jpg', 'hot dog/3.jpg']]
    assert report['without_tags'] == []


def test_runs_and_processes_give_the_same_bytes(own):
    write_masks(own)
    options = dict(val_share=0.4, masks=own / 'masks')
    convert(own, **options)
    convert(own, out=own / 'again', **options)
    convert(own, out=own / 'two', jobs=2, **options)
    assert len(contents(own / 'out')) == 6 + 6 + 2 + 7  # photos, masks, their stages, the rest
    assert contents(own / 'out') == contents(own / 'again') == contents(own / 'two')


def test_a_killed_run_goes_on(own, monkeypatch):
    write_masks(own)
    options = dict(val_share=0.4, masks=own / 'masks')
    convert(own, **options)
    before = contents(own / 'out')
    photos = sorted((own / 'out/images').glob('*.jpg'))
    for path in [*photos[::2], own / 'out/true_masks/6.png', own / 'out' / DATASET_FILE]:
        path.unlink()
    put(own / f'out/images/.6.{"0" * 32}.jpg', 'half a photo')
    written = []
    real = own_data.write_photo
    monkeypatch.setattr(own_data, 'write_photo', lambda *a: (written.append(a), real(*a)))
    convert(own, **options)
    assert len(written) == 3
    assert contents(own / 'out') == before


def another_encoder(own, monkeypatch):
    monkeypatch.setattr(own_data, 'ENCODER', own_data.ENCODER | {'quality': 90})


def another_image(own, monkeypatch):
    put(own / 'in/7.jpg', encoded(pixels(7)))
    put(own / 'tags.csv', own_files.csv_of_names(TAGS | {'7.jpg': ['cat']}))


def another_content(own, monkeypatch):
    put(own / 'in/6.jpg', encoded(np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)))


def another_file_of_the_same_id(own, monkeypatch):
    (own / 'in/6.jpg').rename(own / 'in/6.jpe')
    put(own / 'tags.csv', (own / 'tags.csv').read_text().replace('6.jpg', '6'))


@pytest.mark.parametrize(
    'change',
    [another_encoder, another_image, another_content, another_file_of_the_same_id],
)
def test_photos_of_other_origin_are_not_mixed_in(change, own, monkeypatch):
    convert(own)
    before = contents(own / 'out')
    change(own, monkeypatch)
    with pytest.raises(ValueError, match=r'images: holds files that were made in another way'):
        convert(own)
    assert contents(own / 'out') == before


def test_a_run_that_stops_half_way_leaves_no_dataset_file(own, monkeypatch):
    """It would say that lists and tags belong together."""
    convert(own)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(own_lists, 'write_lists', stop)
    with pytest.raises(KeyboardInterrupt):
        convert(own, val_share=0.4)
    assert not (own / 'out' / DATASET_FILE).exists()


def test_masks_of_other_content_are_not_mixed_in(own):
    write_masks(own)
    convert(own, masks=own / 'masks')
    write_masks(own, value=2)
    with pytest.raises(ValueError, match=r'true_masks: holds files that were made in another way'):
        convert(own, masks=own / 'masks')


def test_lists_follow_another_share_and_tags(own):
    convert(own, val_share=0.4)
    put(own / 'tags.csv', own_files.csv_of_names(TAGS | {'6.jpg': ['cat']}))
    assert convert(own, val_share=0)['rare_in_val'] == []
    assert not (own / 'out/lists/val.txt').exists() and by_id(own)['6'] == ['cat']
    assert list(read_id_list(own / 'out/lists/train.txt')) == EACH
    assert read_dataset_file(own / 'out').val is None


@pytest.mark.parametrize(
    ('ids', 'share', 'val'),
    [
        (EACH, 0, []),
        (EACH, 0.05, ['a__2']),  # none falls below: the lowest
        (EACH, 0.17, VAL),
        (EACH, 0.4, VAL),
        (EACH, 0.5, ['a__1', *VAL]),
        (EACH, 0.99, sorted({*EACH} - {'b__3'})),  # all fall below: the highest stays
        (['a__2'], 0.5, []),
        ([], 0.5, []),
    ],
)
def test_lists(ids, share, val):
    assert split_ids(reversed(ids), share) == (sorted({*ids} - {*val}), sorted(val))


def test_ids():
    files = ['a b/c.jpg', 'a_b/c.png', 'A_B/c.gif', 'a_b__c-2.jpg', 'x.JPG.png', 'e\u0301.jpg']
    files += ['q/r.jpg', 'q__R.jpg', '\u7336/\u03c9.v1.jpg', 'n' * 250 + '.jpg']
    ids = flat_ids(files)
    assert [ids[file] for file in files[:-1]] == [
        'a_b__c-2', 'a_b__c-3', 'A_B__c', 'a_b__c-2-2', 'x_JPG', '\xe9',
        'q__r', 'q__R-2', '\u7336__\u03c9.v1',
    ]  # fmt: skip
    assert len(ids[files[-1]]) == 160
    assert flat_ids(files[::-1]) == ids


RAMP = pixels(20)
GREY = RAMP[..., 0]
ALPHA = np.where(np.arange(own_files.WIDTH) < 20, 0, 255).astype(np.uint8)
ON_WHITE = np.where(ALPHA[:, None] > 0, RAMP, 255)
QUARTERS = np.kron([[10, 200], [90, 250]], np.ones((16, 20))).astype(np.uint8)
NFC, NFD = (unicodedata.normalize(form, 'h\xe9.png') for form in ('NFC', 'NFD'))


def with_alpha():
    alpha = np.broadcast_to(ALPHA, RAMP.shape[:2])
    return Image.fromarray(np.dstack([RAMP, alpha]))


def grey_with_alpha():
    image = Image.fromarray(GREY)
    image.putalpha(with_alpha().getchannel('A'))
    return image


def half_transparent_palette():
    image = Image.fromarray(np.tile((ALPHA > 0).astype(np.uint8), (own_files.HEIGHT, 1)))
    image.putpalette([0, 200, 0, 200, 0, 0])
    return image


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return dict(exif=exif, quality=95)


def sixteen_bits(image):
    """A TIFF of (H, W), (H, W, 3) or (H, W, 4) uint8 with 16 bits per channel."""
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(image.shape[-1], slice(None))
    _, content = cv2.imencode('.tiff', image[..., order].astype(np.uint16) * 257)
    return content.tobytes()


def frames():
    first, second = (Image.fromarray(np.full((32, 40), v, np.uint8)) for v in (50, 200))
    return encoded(first, '.gif', save_all=True, append_images=[second])


HALVES = np.broadcast_to(np.where(ALPHA[:, None] > 0, [200, 0, 0], 255), RAMP.shape)


@pytest.mark.parametrize(
    ('name', 'content', 'mode', 'expected'),
    [
        pytest.param('7.jpg', encoded(RAMP), 'RGB', RAMP, id='colour'),
        pytest.param('7.jpg', encoded(GREY), 'L', GREY, id='grey'),
        pytest.param('7.JPEG', encoded(RAMP), 'RGB', RAMP, id='upper-case suffix'),
        pytest.param('7.png', encoded(with_alpha(), '.png'), 'RGB', ON_WHITE, id='RGBA'),
        pytest.param(
            '7.png', encoded(grey_with_alpha(), '.png'), 'RGB',
            np.where(ALPHA > 0, GREY, 255)[..., None], id='LA',
        ),
        pytest.param(
            '7.png', encoded(half_transparent_palette(), '.png', transparency=0), 'RGB', HALVES,
            id='palette with transparency',
        ),
        pytest.param(
            '7.png', encoded(Image.fromarray(RAMP).quantize(64), '.png'), 'RGB', RAMP, id='palette'
        ),
        pytest.param(
            '7.png', encoded(Image.fromarray(np.broadcast_to(ALPHA, (32, 40))).convert('1'),
                             '.png'),
            'L', np.broadcast_to(ALPHA, (32, 40)), id='one bit',
        ),
        pytest.param(
            '7.jpg', encoded(Image.fromarray(RAMP).convert('CMYK'), quality=95), 'RGB', RAMP,
            id='CMYK',
        ),
        pytest.param(
            '7.png', encoded(GREY.astype(np.uint16) * 257, '.png'), 'L', GREY, id='16-bit PNG'
        ),
        pytest.param(
            '7.png', encoded(GREY.astype(np.uint16), '.png'), 'L', 0 * GREY, id='dark 16-bit PNG'
        ),
        pytest.param(
            '7.tif', encoded(GREY.astype(np.int32) * 257, '.tif'), 'L', GREY, id='wide mode I'
        ),
        pytest.param('7.tif', encoded(GREY.astype(np.int32), '.tif'), 'L', GREY, id='mode I'),
        pytest.param('7.tiff', sixteen_bits(RAMP), 'RGB', RAMP, id='16-bit colour TIFF'),
        pytest.param('7.gif', frames(), 'RGB', np.full((32, 40, 3), 50), id='GIF'),
        pytest.param('7.webp', encoded(RAMP, '.webp', quality=95), 'RGB', RAMP, id='WebP'),
        pytest.param('7.bmp', encoded(RAMP, '.bmp'), 'RGB', RAMP, id='BMP'),
        pytest.param('7.jpg', encoded(RAMP, '.png'), 'RGB', RAMP, id='PNG called .jpg'),
        pytest.param('7.jpg', encoded(QUARTERS, **turned(1)), 'L', QUARTERS, id='orientation 1'),
        pytest.param(
            '7.jpg', encoded(QUARTERS, **turned(6)), 'L', np.rot90(QUARTERS, -1),
            id='EXIF-rotated JPEG',
        ),
        pytest.param(
            '7.png', encoded(QUARTERS, '.png', exif=turned(5)['exif']), 'L', QUARTERS.T,
            id='EXIF-transposed PNG',
        ),
        pytest.param(
            '7.tif', encoded(QUARTERS, '.tif', exif=turned(8)['exif']), 'L', np.rot90(QUARTERS),
            id='turned TIFF',
        ),
        pytest.param('ein name.png', encoded(RAMP, '.png'), 'RGB', RAMP, id='spaces in names'),
        pytest.param(NFD, encoded(RAMP, '.png'), 'RGB', RAMP, id='NFD on disk'),
        pytest.param(NFC, encoded(RAMP, '.png'), 'RGB', RAMP, id='NFC on disk'),
        pytest.param('7.jpg.png', encoded(RAMP, '.png'), 'RGB', RAMP, id='two suffixes'),
    ],
)  # fmt: skip
def test_photos(name, content, mode, expected, own):
    put(own / 'in/deep' / name, content)
    form = 'NFC' if name == NFD else 'NFD'  # the table has the other one
    listed = {unicodedata.normalize(form, f'deep/{name}'): ['dog']}
    put(own / 'tags.csv', own_files.csv_of_names(TAGS | listed))
    report = convert(own)
    (image_id,) = {*report['sources']} - {*EACH}
    assert report['sources'][image_id] == f'deep/{name}'
    found, photo = stored(own, image_id)
    expected = np.asarray(expected)
    assert found == mode and photo.shape[:2] == expected.shape[:2]
    assert photo_size(own / 'in/deep' / name) == photo.shape[:2]
    # The edge of what is transparent rings in a JPEG.
    assert np.abs(photo - expected).mean() < 3
    assert image_id in read_id_list(own / 'out/lists/train.txt') and by_id(own)[image_id] == ['dog']
    copied = (own / f'out/images/{image_id}.jpg').read_bytes() == content
    assert copied == (content in (encoded(RAMP), encoded(GREY), encoded(QUARTERS, **turned(1))))


@pytest.mark.parametrize(
    ('image', 'mode', 'expected'),
    [(RAMP, 'RGB', RAMP), (np.asarray(with_alpha()), 'RGB', ON_WHITE), (GREY, 'L', GREY)],
)
def test_what_only_opencv_reads(image, mode, expected, own, monkeypatch):
    others = [name for name in own_photos._formats() if name != 'TIFF']
    monkeypatch.setattr(own_photos, '_formats', lambda: others)
    put(own / 'in/7.tif', sixteen_bits(image))
    more('7,cat')(own)
    convert(own)
    found, photo = stored(own, '7')
    assert found == mode and np.abs(photo - expected).mean() < 3
    assert np.abs(photo - np.asarray(expected)[..., ::-1]).mean() > 10


def cut(content, share=0.6):
    return content[: int(len(content) * share)]


def noise(suffix):
    return encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), suffix)


@pytest.mark.parametrize(
    ('name', 'content', 'parts'),
    [
        pytest.param('7.jpg', cut(noise('.jpg')), ['truncated'], id='truncated JPEG'),
        pytest.param('7.png', cut(noise('.png')), ['truncated'], id='truncated PNG'),
        pytest.param('7.webp', cut(noise('.webp')), [], id='truncated WebP'),
        pytest.param('7.tif', cut(noise('.tif')), [], id='truncated TIFF'),
        pytest.param('7.jpg', noise('.jpg')[:20], ['no image of a format'], id='header only'),
        pytest.param('7.jpg', b'no image' * 40, ['no image of a format'], id='text called .jpg'),
        pytest.param('7.jpg', b'', ['an empty file'], id='0-byte file'),
        pytest.param('7.tif', encoded(GREY.astype(np.float32), '.tif'), ['fraction'], id='float'),
        pytest.param(
            '7.tif', encoded(GREY.astype(np.int32) - 300, '.tif'), ['outside 0..65535'],
            id='negative',
        ),
        pytest.param(
            '7.png', encoded(pixels(0, 15, 40), '.png'), ['at least 16 pixels', '40 x 15'],
            id='too small',
        ),
        pytest.param('7.eps', encoded(RAMP, '.eps'), None, id='PostScript is no photo'),
    ],
)  # fmt: skip
def test_unusable_photos(name, content, parts, own):
    put(own / 'in/b' / name, content)
    put(own / 'tags.csv', own_files.csv_of_names(TAGS | {f'b/{name}': ['dog']}))
    parts = ['image missing: b/7.eps (row 8)'] if parts is None else [f'in/b/{name}: ', *parts]
    with pytest.raises(ValueError) as raised:
        convert(own)
    for part in [*parts, '1 x ', '--skip-unusable']:
        assert part in str(raised.value)
    assert not (own / 'out' / DATASET_FILE).exists()
    report = convert(own, skip_unusable=True)
    listed = report['unreadable'] + report['missing_images']
    assert len(listed) == 1 and f'b/{name}' in listed[0]
    assert sorted(by_id(own)) == EACH == sorted(report['sources'])
    assert sorted(path.stem for path in (own / 'out/images').glob('*.jpg')) == EACH
    assert read_dataset_file(own / 'out') is not None


def test_a_bomb_is_no_photo(own, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 500)
    with pytest.raises(ValueError, match=r'a/2.png: .*DecompressionBombError'):
        convert(own)
    assert not (own / 'out').exists()


def test_a_full_disk_is_no_fault_of_a_photo(own, monkeypatch):
    def refuse(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', refuse)
    with pytest.raises(OSError, match='No space left'):
        convert(own, skip_unusable=True)
    assert not (own / 'out' / DATASET_FILE).exists()


def table(content, name='tags.csv'):
    """Another table of tags; a function makes it from TAGS."""

    def change(root):
        put(root / name, content(dict(TAGS)) if callable(content) else content)
        return {'tags': root / name}

    return change


def more(*rows):
    """Further rows of the form image,tags."""
    return table(own_files.csv_of_names(TAGS) + ''.join(f'{row}\n' for row in rows))


def columns(old, new):
    return table(lambda tags: own_files.csv_of_columns(tags).replace(old, new, 1))


def classes(content):
    return lambda root: put(root / 'classes.txt', content)


def image(name, content=None):
    def change(root):
        put(root / 'in' / name, encoded(pixels(8)) if content is None else content)

    return change


def folders(root):
    return {'tags': None}


def masked(change, **options):
    def apply(root):
        write_masks(root, **options)
        change(root)
        return {'masks': root / 'masks', 'val_share': 0.4}

    return apply


def mask(values, name='a/2'):
    return lambda root: write_png(root / f'masks/{name}.png', np.asarray(values, np.uint8))


def colour_mask(root):
    Image.fromarray(RAMP).save(root / 'masks/a/2.png')


def unlink(name):
    return lambda root: (root / name).unlink()


def second(name):
    return lambda root: put(root / 'masks/deep' / name, encoded(GREY, '.png'))


def together(*changes):
    return lambda root: {k: v for c in changes for k, v in (c(root) or {}).items()}


def setting(**values):
    return lambda root: {k: root / v if isinstance(v, str) else v for k, v in values.items()}


def no_images(root):
    put(root / 'empty/notes.txt', 'x')
    return {'images': root / 'empty'}


@pytest.mark.parametrize(
    ('change', 'parts'),
    [
        pytest.param(
            more('a/1.jpg,kat'),
            ['tags.csv', "unknown tag: a/1.jpg (row 8): 'kat' (nearest class: 'cat')"],
            id='unknown tag',
        ),
        pytest.param(more('a/1.jpg,DOG'), ["'DOG' (nearest class: 'dog')"], id='capital tag'),
        pytest.param(
            table(lambda tags: json.dumps(tags | {'6.jpg': ['hotdog']}), 'tags.json'),
            ["tags.json for", "unknown tag: 6.jpg: 'hotdog' (nearest class: 'hot dog')"],
            id='unknown tag in JSON',
        ),
        pytest.param(
            more('7.jpg,cat'), ['1 x image missing: 7.jpg (row 8)', '--skip-unusable'],
            id='missing image',
        ),
        pytest.param(
            together(image('c/1.png'), more('1,cat')),
            ['fits several files: 1 (row 8) fits a/1.jpg, c/1.png', 'by its path'],
            id='ambiguous stem',
        ),
        pytest.param(
            together(image(NFC), image(NFD), more(f'{NFC},cat')),
            ['fits several files'],
            id='NFC and NFD of one name',
        ),
        pytest.param(
            table(lambda tags: own_files.csv_of_columns(tags) + '6,0,1,1\n'),
            ['more than once, with other tags: 6 (row 8', "['cat', 'dog'], was ['dog']"],
            id='duplicate id in columns',
        ),
        pytest.param(
            table(lambda tags: json.dumps(tags | {'6': ['cat']}), 'tags.json'),
            ['more than once, with other tags: 6 ('],
            id='duplicate id in JSON',
        ),
        pytest.param(
            table('{"6": ["dog"], "6": ["cat"]}', 'tags.json'),
            ['tags.json', 'key given more than once: 6'],
            id='repeated key',
        ),
        pytest.param(
            table('6.jpg,dog\n'), ["must be a header, got '6.jpg,dog'", 'image,tags'],
            id='CSV without header',
        ),
        pytest.param(table(''), ["must be a header, got ''"], id='empty CSV'),
        pytest.param(
            more('a/1.jpg,cat,dog'),
            ['row without exactly 2 columns: row 8 (3)', 'in quotes'],
            id='wrong number of columns',
        ),
        pytest.param(more(',cat'), ['row without the name of an image: row 8'], id='no name'),
        pytest.param(more('6.jpg,"dog'), ['no well-formed CSV near row 8'], id='open quote'),
        pytest.param(
            table(b'image,tags\nh\xe9.png,cat\n'),
            ['tags.csv: must be UTF-8 text, got byte 0xe9 at 12', 'Save it as UTF-8'],
            id='not UTF-8',
        ),
        pytest.param(
            columns(',1\n', ',2\n'),
            ["cell other than 0 and 1: a/1.jpg (row 2), column cat: '2'"],
            id='a 2 in a column',
        ),
        pytest.param(
            columns(',1\n', ',\n'), ["a/1.jpg (row 2), column cat: ''"], id='an empty cell'
        ),
        pytest.param(
            columns(',dog,', ',dogs,'),
            ["header:", "column that is no class: 'dogs' (nearest class: 'dog')",
             'class without a column: dog'],
            id='unknown column',
        ),
        pytest.param(
            columns(',dog,', ',cat,'), ['column given more than once: cat'], id='repeated column'
        ),
        pytest.param(
            table('{"6.jpg": ["do', 'tags.json'), ['tags.json: not a UTF-8 JSON'],
            id='truncated JSON',
        ),
        pytest.param(
            table('["6.jpg"]', 'tags.json'), ['tags.json: must be a JSON object, got a list'],
            id='JSON of other type',
        ),
        pytest.param(
            table('{"6": "dog"}', 'tags.json'), ['neither names nor numbers: 6: \'dog\''],
            id='JSON text',
        ),
        pytest.param(
            table('{"6": [1, "dog"]}', 'tags.json'), ['neither names nor numbers: 6: [1'],
            id='JSON of both',
        ),
        pytest.param(
            table('{"6": [0, 1]}', 'tags.json'),
            ['without exactly one number for each of the 3 classes: 6: 2'], id='short JSON',
        ),
        pytest.param(
            table('{"6": [0, 1, 2]}', 'tags.json'), ['numbers other than 0 and 1: 6: 2'],
            id='a 2 in JSON',
        ),
        pytest.param(
            table('x', 'tags.xlsx'), ['tags.xlsx: tags must be a .csv, .tsv or .json'],
            id='spreadsheet',
        ),
        pytest.param(
            classes('cat\ndog\ncat\n'), ['classes.txt', 'more than once: cat (2 times)'],
            id='repeated class',
        ),
        pytest.param(
            classes('background\ncat\n'), ['classes.txt', 'class id 0', ': background'],
            id='background as a class',
        ),
        pytest.param(classes(' \n\n'), ['classes.txt', 'more than 254 names: 0 names'],
                     id='no classes'),
        pytest.param(
            classes(''.join(f'c{k}\n' for k in range(255))), ['more than 254 names: 255 names'],
            id='too many classes',
        ),
        pytest.param(
            classes('cat\ndog\nhot dog\nx;y\n'), ["['x;y'] hold a separator"],
            id='separator in a class',
        ),
        pytest.param(
            folders,
            ['in:', 'image in no folder of a class: 6.jpg', '2 x folder that is no class: a with 2',
             'b with 3 images', 'must be a name of the class list'],
            id='folder that is no class',
        ),
        pytest.param(
            together(folders, image('dogs/1.jpg')),
            ["dogs with 1 images (nearest class: 'dog')"], id='misspelt folder',
        ),
        pytest.param(
            setting(out='in/b/out'), ['in/b/out: must lie outside of', 'separate folders'],
            id='OUT inside IMAGES',
        ),
        pytest.param(setting(out='in'), ['must lie outside of'], id='OUT is IMAGES'),
        pytest.param(
            setting(images='out/images', out='out'), ['must lie outside of'], id='IMAGES in OUT'
        ),
        pytest.param(setting(masks='in/a'), ['in/a: must lie outside of'], id='MASKS in IMAGES'),
        pytest.param(no_images, ['empty: must hold files', 'got 1 other files'], id='no images'),
        pytest.param(
            table('image,tags\n6.jpg,\n'), ['at least one readable image with a tag, got'],
            id='no tags at all',
        ),
        pytest.param(setting(val_share=1), ['0 <= share < 1, got 1'], id='share of 1'),
        pytest.param(setting(val_share=float('nan')), ['share < 1, got nan'], id='share nan'),
        pytest.param(
            together(setting(background=False), more(), image('7.jpg')),
            ['without tags, which --no-background rules out: 7.jpg'], id='untagged, no background',
        ),
        pytest.param(
            masked(mask(np.ones((40, 32)))),
            ['masks/a/2.png: (40, 32), a/2.png has (32, 40)'], id='mask of wrong size',
        ),
        pytest.param(
            masked(mask(np.full((32, 40), 90), 'a/1')),
            ['mask with ids other than 0..3 and 255', 'masks/a/1.png: [90]',
             'Masks have the path', 'classes.txt, and 255'],
            id='ids of the 91-space',
        ),
        pytest.param(
            masked(unlink('masks/a/2.png')),
            ['image of the validation list without a mask', ': a/2.png'], id='mask missing',
        ),
        pytest.param(
            masked(lambda root: None, name=lambda path: f'{IDS[path]}_mask'),
            ['2 x image of the validation list without a mask'], id='masks of other names',
        ),
        pytest.param(masked(colour_mask), ['8-bit grey or palette', "got mode 'RGB'"],
                     id='colour mask'),
        pytest.param(
            masked(lambda root: put(root / 'masks/a/2.png', b'x')),
            ['that cannot be read as 8-bit class ids', "masks/a/2.png'"],
            id='damaged mask',
        ),
        pytest.param(
            together(masked(together(unlink('masks/6.png'), second('6.png'), image('c/6.png')),),
                     more('c/6.png,dog')),
            ['mask that fits several images', 'masks/deep/6.png: 6.jpg, c/6.png'],
            id='mask of two images',
        ),
        pytest.param(
            masked(together(unlink('masks/6.png'), second('6.png'), second('x/6.png'))),
            ['image that several masks fit: 6.jpg: deep/6.png, deep/x/6.png'],
            id='two masks of an image',
        ),
        pytest.param(
            together(masked(lambda root: None), setting(background=False)),
            ['6 x mask with id 0, which --no-background'], id='mask with 0, no background',
        ),
    ],
)  # fmt: skip
def test_faults(change, parts, own):
    options = change(own) or {}
    before = contents(own)
    with pytest.raises(ValueError) as raised:
        convert(own, **options)
    for part in parts:
        assert part in str(raised.value)
    assert contents(own) == before  # nothing was written, not a photo


@pytest.mark.parametrize('missing', ['tags', 'classes', 'images', 'masks'])
def test_files_that_are_not_there(missing, own):
    with pytest.raises(FileNotFoundError, match=r'nowhere(\.csv)?: no such f'):
        convert(own, **{missing: own / ('nowhere.csv' if missing == 'tags' else 'nowhere')})


def test_one_error_tells_all(own):
    put(own / 'in/7.jpg', b'')
    more('1,kat', 'x.jpg,cat', '7.jpg,cat')(own)
    with pytest.raises(ValueError) as raised:
        convert(own)
    for part in ("'kat'", 'image missing: x.jpg', 'in/7.jpg: '):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    ('change', 'entries', 'changed_tags'),
    [
        pytest.param(
            together(image('7.jpg'), more('7.jpg,')), {'without_tags': ['7.jpg']}, {},
            id='empty tag row',
        ),
        pytest.param(
            together(image('7.jpg'), table(lambda t: own_files.csv_of_columns(t | {'7': []}))),
            {'without_tags': ['7.jpg']}, {}, id='only 0 in a row',
        ),
        pytest.param(image('7.jpg'), {'without_tags': ['7.jpg']}, {}, id='image in no row'),
        pytest.param(
            more('', '6.jpg,cat', '6,hot dog|cat'),
            {'merged_rows': 2, 'duplicate_rows': []}, {'6': ['cat', 'dog', 'hot dog']},
            id='a tag per row',
        ),
        pytest.param(
            more('6.jpg,dog', 'a/2.png,dog|cat'),
            {'merged_rows': 0, 'duplicate_rows': ['6.jpg', 'a/2.png']}, {}, id='repeated row',
        ),
        pytest.param(
            table(lambda tags: own_files.csv_of_columns(tags) + '6,0,1,0\n'),
            {'duplicate_rows': ['6.jpg']}, {}, id='repeated row of columns',
        ),
        pytest.param(
            together(image('c/7.jpg'), image('c/8.jpg'), more('7,cat', '8,cat')),
            {'duplicates': [['c/7.jpg', 'c/8.jpg']], 'num_images': 7}, {'c__7': ['cat']},
            id='duplicate bytes',
        ),
        pytest.param(
            together(image('c/7.jpg'), image('c/8.jpg'), more('7,dog', '8,cat')),
            {'duplicates': [], 'duplicates_with_other_tags': [['c/7.jpg', 'c/8.jpg']]},
            {'c__7': ['cat', 'dog']}, id='duplicate bytes with other tags',
        ),
        pytest.param(
            together(image('c 1.jpg'), image('c_1.jpg', encoded(GREY)),
                     more('c 1.jpg,dog', 'c_1,cat')),
            {'num_images': 8}, {'c_1': ['dog'], 'c_1-2': ['cat']}, id='two paths of one id',
        ),
        pytest.param(
            together(classes('\ufeffcat\r\n\r\n dog\r\nhot dog\r\nzebra'), more()),
            {'unused_classes': ['zebra'], 'rare_classes': [*CLASSES, 'zebra']}, {},
            id='class without images',
        ),
        pytest.param(
            together(more('7.jpg,cat'), setting(skip_unusable=True)),
            {'missing_images': ['7.jpg (row 8)'], 'num_images': 6}, {}, id='missing image skipped',
        ),
        pytest.param(image('7.pdf', b'x'), {'other_files': 1}, {}, id='other file'),
    ],
)  # fmt: skip
def test_odd_but_usable(change, entries, changed_tags, own):
    report = convert(own, **change(own) or {})
    for key, value in entries.items():
        assert report[key] == value, key
    assert by_id(own) == {IDS[path]: names for path, names in TAGS.items()} | changed_tags


@pytest.mark.parametrize(
    'name', [lambda path: path.rsplit('.', 1)[0], lambda path: Path(path).stem]
)
def test_masks(name, own):
    """A mask has the path of its image or a stem of its own; of a photo as it is stored."""
    put(own / 'in/a/1.jpg', encoded(QUARTERS, **turned(6)))
    write_masks(own, name)
    write_png(own / f'masks/{name("a/1.jpg")}.png', np.full((40, 32), 3, np.uint8), palette(4))
    (own / f'masks/{name("b/3.jpg")}.png').unlink()  # a training image
    report = convert(own, masks=own / 'masks', val_share=0.4)
    assert report['num_masks'] == 5
    facts = read_dataset_file(own / 'out')
    assert facts.train.masks == facts.val.masks == 'true_masks'
    scored = sorted({*EACH} - {*VAL, 'b__3'})
    assert list(read_id_list(own / 'out' / facts.train.scored_list)) == scored
    found = {path.stem: path for path in (own / 'out/true_masks').glob('*.png')}
    assert sorted(found) == sorted({*EACH} - {'b__3'})
    for image_id, values in (('a__1', [3]), ('6', [0, 1, 255])):
        with Image.open(found[image_id]) as mask:
            assert mask.mode == 'P' and np.unique(np.asarray(mask)).tolist() == values
            assert mask.getpalette()[3:6] == palette(2)[1]
            with Image.open(own / f'out/images/{image_id}.jpg') as photo:
                assert photo.size == mask.size


def test_masks_of_the_validation_list_alone(own):
    write_masks(own)
    for path in ('a/1', 'b/3', 'b/4', '6'):
        (own / f'masks/{path}.png').unlink()
    convert(own, masks=own / 'masks', val_share=0.4)
    facts = read_dataset_file(own / 'out')
    assert facts.train == Split('lists/train.txt', 'images')
    assert facts.val == Split('lists/val.txt', 'images', 'true_masks')


def test_a_mask_of_another_image_of_the_same_stem_is_none(own):
    image('c/1.jpg')(own)
    more('c/1.jpg,dog')(own)
    write_masks(own)
    convert(own, masks=own / 'masks')
    assert len(list((own / 'out/true_masks').glob('*.png'))) == 6
    assert not (own / 'out/true_masks/c__1.png').exists()


def test_a_mask_may_have_the_name_of_a_copy(own):
    put(own / 'in/c/0.jpg', (own / 'in/a/2.png').read_bytes())
    put(own / 'in/a/0.png', (own / 'in/a/2.png').read_bytes())
    more('c/0.jpg,cat|dog', 'a/0,cat|dog')(own)
    write_masks(own)
    mask(np.zeros((32, 40)), 'c/0')(own)  # the one of the first path with a mask counts
    report = convert(own, masks=own / 'masks', val_share=0.4)
    with Image.open(own / 'out/true_masks/a__0.png') as found:
        assert found.getextrema() == (0, 255)
    assert report['duplicates'] == [['a/0.png', 'a/2.png', 'c/0.jpg']]
    assert report['num_masks'] == 6


def test_an_unreadable_image_of_the_validation_list(own):
    """Its place falls to the next one, which needs a mask then."""
    write_masks(own)
    (own / 'masks/b/deep/5.png').unlink()
    put(own / 'in/a/2.png', cut(noise('.png')))
    write_png(own / 'masks/a/2.png', np.ones((64, 64), np.uint8))
    options = dict(masks=own / 'masks', skip_unusable=True, val_share=0.05)
    with pytest.raises(ValueError, match=r'validation list without a mask(.|\n)*b/deep/5.JPG'):
        convert(own, **options)
    write_masks(own)
    write_png(own / 'masks/a/2.png', np.ones((64, 64), np.uint8))
    convert(own, **options)
    assert list(read_id_list(own / 'out/lists/val.txt')) == ['b__deep__5']
    assert not (own / 'out/true_masks/a__2.png').exists()


def test_no_background(own):
    write_masks(own)
    for path in (own / 'masks').rglob('*.png'):
        write_png(path, np.full((32, 40), 255, np.uint8))
    convert(own, masks=own / 'masks', background=False)
    assert read_dataset_file(own / 'out').background is False


@pytest.mark.skipif(sys.platform != 'linux', reason='such names exist on Linux only')
def test_a_name_that_is_not_utf8(own):
    with open(os.fsencode(own / 'in') + b'/h\xe9.png', 'wb') as file:
        file.write(encoded(RAMP, '.png'))
    with pytest.raises(ValueError, match=r"not UTF-8; rename the file: 'h\\udce9.png'"):
        convert(own)


def test_links(own):
    (own / 'in/a/loop').symlink_to(own / 'in')
    (own / 'far').mkdir()
    put(own / 'far/7.jpg', encoded(pixels(7)))
    (own / 'in/near').symlink_to(own / 'far')
    more('near/7.jpg,cat')(own)
    assert convert(own)['num_images'] == 7


def test_the_tool(own, monkeypatch, capsys):
    def run(*more_options):
        command = [str(TOOL), own / 'in', '--out', own / 'out', '--classes', own / 'classes.txt']
        monkeypatch.setattr(sys, 'argv', [*map(str, [*command, *more_options])])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name='__main__')
        return ended.value.code, capsys.readouterr()

    tags = ['--tags', own / 'tags.csv', '--jobs', 2]
    code, text = run(*tags, '--val-share', 0.4, '--min-per-class', 2)
    assert code == 0
    lines = [line.split() for line in text.out.splitlines()]
    assert ['images', '4', '2'] in lines and ['hot', 'dog', '1', '1'] in lines
    assert 'warning: fewer than 2 training images: cat (1), hot dog (1)\n' in text.out
    assert 'warning: fewer than 2 validation images: dog (1), hot dog (1); numbers' in text.out
    assert text.out.endswith(f'effnet-lite0_voc-animals.py --data-root {own / "out"}\n')
    more('6.jpg,kat', '7.jpg,cat')(own)
    code, text = run(*tags, '--skip-unusable')
    assert code == 1 and "'kat'" in text.err and '7.jpg' not in text.err
    code, text = run('--folder-per-class', '--no-background')
    assert code == 1 and 'error: ' in text.err and '2 x folder that is no class' in text.err
    code, text = run('--folder-per-class', *tags)
    assert code == 2 and 'not allowed with' in text.err
