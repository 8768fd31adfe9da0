# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Label maps of photos by the API: batches, tags, formats, and what is refused."""

import json

import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader
from PIL import Image

from mmocr_wsss.apis import Inferencer

NAMES = ('background', 'cat', 'dog', 'hot dog')
CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[110, 110, 110], std=[60, 60, 60], bgr_to_rgb=True),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=8, stem_channels=8, norm_cfg=dict(type='BN'),
        strides=(1, 1, 2, 1), init_cfg=dict(type='Pretrained', checkpoint='not/there.pth')),
    decode_head=dict(
        type='FCNHead', in_channels=64, in_index=3, channels=8, num_convs=1, num_classes=4,
        norm_cfg=dict(type='BN'), loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
test_dataloader = dict(dataset=dict(
    type='mmocr_wsss.ImageTagDataset', tags='unused.json', dataset=dict(
        type='mmocr_wsss.PseudoMaskDataset', classes=['cat', 'dog', 'hot dog'],
        data_root='unused', pipeline=[
            dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')])))
"""


@pytest.fixture(autouse=True)
def loader_of_checkpoints(monkeypatch):
    """The inferencer guards the process; the other tests are to find it as it was."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Config and a checkpoint that predicts every class."""
    folder = tmp_path_factory.mktemp('model')
    (folder / 'config.py').write_text(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(folder / 'config.py').model)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=0.3)
        elif name.endswith('conv_seg.bias'):
            torch.nn.init.zeros_(parameter)
    torch.save(dict(state_dict=model.state_dict()), folder / 'weights.pth')
    return folder / 'config.py', folder / 'weights.pth'


@pytest.fixture(scope='module')
def inferencer(files):
    return Inferencer(*files, device='cpu')


def noise(seed, height=40, width=48):
    """Blocks of colour, (H, W, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 8, width // 8, 3))
    return blocks.repeat(8, 0).repeat(8, 1).astype(np.uint8)


@pytest.fixture
def photos(tmp_path):
    """Five photos; the third is of another size."""
    paths = []
    for number in range(5):
        size = (48, 40) if number == 2 else (40, 48)
        paths.append(tmp_path / 'photos' / f'{number}.jpg')
        paths[-1].parent.mkdir(exist_ok=True)
        Image.fromarray(noise(number, *size)).save(paths[-1], quality=95)
    return paths


def test_as_the_model_says(inferencer, photos):
    """The arithmetic of the network by hand: BGR to RGB, normalised, best score per pixel."""
    assert inferencer.classes == NAMES
    label_map = inferencer(photos[0])['predictions']
    image = np.asarray(Image.open(photos[0]), np.float32)
    inputs = torch.from_numpy((image - 110) / 60).permute(2, 0, 1)[None]
    with torch.no_grad():
        scores = inferencer.model.encode_decode(inputs, [dict(img_shape=(40, 48))])
    expected = scores.argmax(1)[0].numpy()
    # Decoders of JPEG differ in single grey values.
    assert (label_map == expected).mean() > 0.99 and len(np.unique(label_map)) == 4


@pytest.mark.parametrize('batch_size', [2, 3])
def test_batches_give_what_single_photos_give(inferencer, photos, batch_size):
    """Also where a photo of another size stands between; the order is that of the photos."""
    single = list(inferencer.predict(photos))
    batched = list(inferencer.predict(photos, batch_size=batch_size))
    assert [p.label_map.shape for p in single] == [(40, 48)] * 2 + [(48, 40)] + [(40, 48)] * 2
    for one, other in zip(single, batched, strict=True):
        np.testing.assert_array_equal(one.label_map, other.label_map)
    assert not np.array_equal(single[0].label_map, single[1].label_map)
    many = inferencer([str(path) for path in photos], batch_size=batch_size)['predictions']
    for one, other in zip(single, many, strict=True):
        np.testing.assert_array_equal(one.label_map, other)


def test_batches_are_full(inferencer, photos):
    sizes = [len(batch['inputs']) for batch in inferencer.preprocess(photos, 2)]
    assert sizes == [2, 1, 2]


def test_tags_and_their_restriction(inferencer, photos):
    tags = [['cat'], [], ['hot dog', 'cat'], ['dog'], list(NAMES[1:])]
    plain = list(inferencer.predict(photos))
    assert plain[0].candidates is None and plain[0].outside is None
    marked = list(inferencer.predict(photos, tags=tags))
    restricted = list(inferencer.predict(photos, tags=tags, restrict=True, batch_size=2))
    sample = inferencer(photos[0], return_datasamples=True)
    for free, mark, strict, names in zip(plain, marked, restricted, tags, strict=True):
        candidates = [name == 'background' or name in names for name in NAMES]
        assert mark.candidates.tolist() == strict.candidates.tolist() == candidates
        np.testing.assert_array_equal(mark.label_map, free.label_map)
        np.testing.assert_array_equal(strict.unrestricted, free.label_map)
        np.testing.assert_array_equal(
            strict.outside, ~np.isin(free.label_map, mark.candidates.nonzero())
        )
        np.testing.assert_array_equal(mark.outside, strict.outside)
        assert set(np.unique(strict.label_map)) <= set(np.flatnonzero(candidates))
        # Where the best class is admitted it stays.
        np.testing.assert_array_equal(
            strict.label_map[~strict.outside], free.label_map[~strict.outside]
        )
    assert 0 < restricted[0].outside.mean() < 1 and not restricted[4].outside.any()
    assert not restricted[1].label_map.any()  # nothing but background is left
    # Between two candidates the better score wins.
    best = sample.seg_logits.data[:2].argmax(0).numpy()
    np.testing.assert_array_equal(restricted[0].label_map, best)
    called = inferencer(photos[0], tags=tags[:1], restrict=True)['predictions']
    np.testing.assert_array_equal(called, restricted[0].label_map)


def test_arrays_and_folders(inferencer, photos):
    array = inferencer.read(photos[1])
    assert array.dtype == np.uint8 and array.shape == (40, 48, 3)
    of_array, of_file = (inferencer(photo)['predictions'] for photo in (array, photos[1]))
    np.testing.assert_array_equal(of_array, of_file)
    of_folder = inferencer(photos[0].parent)['predictions']
    np.testing.assert_array_equal(of_folder[1], of_file)
    assert len(of_folder) == 5


def test_pictures_of_the_host_have_the_classes(inferencer, photos):
    picture = inferencer(str(photos[0]), return_vis=True)['visualization']
    assert picture.shape == (40, 48, 3)
    assert inferencer.visualizer.dataset_meta['classes'] == NAMES


RGBA = np.dstack([noise(7), np.where(np.arange(48) < 24, 255, 0) * np.ones((40, 1), int)])
GREY16 = noise(8)[..., 0].astype(np.uint16) * 257


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def on_white():
    image = noise(7).copy()
    image[:, 24:] = 255
    return image


def grey(seed):
    return noise(seed)[..., :1].repeat(3, 2)


@pytest.mark.parametrize(
    'image, suffix, options, expected',
    [
        pytest.param(noise(7)[..., 0], '.png', {}, grey(7), id='grey'),
        pytest.param(noise(7)[..., 0], '.bmp', {}, grey(7), id='bmp'),
        pytest.param(RGBA.astype(np.uint8), '.png', {}, on_white(), id='RGBA'),
        pytest.param(GREY16, '.png', {}, grey(8), id='16 bit'),
        pytest.param(noise(7), '.png', dict(exif=exif(6)), np.rot90(noise(7), 3), id='EXIF'),
        pytest.param(noise(7), '.webp', dict(lossless=True), noise(7), id='webp'),
    ],
)
def test_formats(inferencer, tmp_path, image, suffix, options, expected):
    """Pixels as from_tags.py makes them for training."""
    path = tmp_path / f'photo{suffix}'
    Image.fromarray(image).save(path, **options)
    np.testing.assert_array_equal(inferencer.read(path)[..., ::-1], expected)
    ((prediction,),) = [list(inferencer.predict([path]))]
    assert prediction.label_map.shape == expected.shape[:2]


def test_a_turned_jpeg_is_read_as_by_a_test(files, inferencer, tmp_path):
    for name, options in (('turned', dict(exif=exif(8))), ('plain', {})):
        path = tmp_path / f'{name}.jpg'
        Image.fromarray(noise(3)).save(path, **options)
        host = LoadImageFromFile().transform(dict(img_path=str(path)))['img']
        np.testing.assert_array_equal(inferencer.read(path), host)
    assert inferencer.read(tmp_path / 'turned.jpg').shape == (48, 40, 3)
    # With the settings of the config.
    cfg = Config.fromfile(files[0])
    cfg.test_dataloader.dataset.dataset.pipeline[0].color_type = 'color_ignore_orientation'
    other = Inferencer(cfg, files[1], device='cpu')
    assert other.read(tmp_path / 'turned.jpg').shape == (40, 48, 3)


def test_classes_come_from_the_checkpoint(files, tmp_path):
    weights = torch.load(files[1], weights_only=True)
    weights['meta'] = dict(dataset_meta=dict(classes=('background', 'a', 'b', 'c')))
    torch.save(weights, tmp_path / 'own.pth')
    own = Inferencer(files[0], tmp_path / 'own.pth', device='cpu')
    assert own.classes == ('background', 'a', 'b', 'c')
    named = Inferencer(files[0], tmp_path / 'own.pth', classes=NAMES, device='cpu')
    assert named.classes == NAMES


def test_data_without_background(files, photos):
    cfg = Config.fromfile(files[0])
    cfg.test_dataloader.dataset.background = False
    inferencer = Inferencer(cfg, files[1], device='cpu')
    (prediction,) = inferencer.predict(photos[:1], tags=[['dog']], restrict=True)
    assert (prediction.label_map == 2).all()
    with pytest.raises(ValueError, match='a photo without tags: every pixel'):
        inferencer.candidates([])


def test_one_score_for_two_classes(files, photos, tmp_path):
    cfg = Config.fromfile(files[0])
    cfg.model.decode_head.update(num_classes=2, out_channels=1, threshold=0.5)
    weights = torch.load(files[1], weights_only=True)['state_dict']
    for part in ('weight', 'bias'):
        name = f'decode_head.conv_seg.{part}'
        weights[name] = weights[name][:1]
    torch.save(weights, tmp_path / 'one.pth')
    inferencer = Inferencer(cfg, tmp_path / 'one.pth', NAMES[:2], device='cpu')
    (prediction,) = inferencer.predict(photos[:1], tags=[[]])
    assert 0 < prediction.outside.mean() < 1
    with pytest.raises(ValueError, match='restrict needs a score per class, got 1 for 2'):
        list(inferencer.predict(photos[:1], tags=[[]], restrict=True))


def test_what_is_refused(files, inferencer, photos, tmp_path):
    def refused(error, text, *args, **kwargs):
        with pytest.raises(error, match=text):
            Inferencer(*args, **kwargs, device='cpu')

    config, weights = files
    refused(FileNotFoundError, "no config 'none.py'", 'none.py', weights)
    refused(FileNotFoundError, "no checkpoint 'none.pth'", config, 'none.pth')
    refused(ValueError, 'classes: 2 class names.*predicts 4', config, weights, classes=['a', 'b'])
    cfg = Config.fromfile(config)
    cfg.model.decode_head.num_classes = 5
    refused(ValueError, 'does not fit.*\n.*tensor of another shape', cfg, weights)
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset.dataset.pipeline[0].type = 'LoadImageFromNDArray'
    refused(ValueError, 'pipeline that reads photos', cfg, weights)
    cfg = Config.fromfile(config)
    cfg.default_scope = 'mmpretrain'
    refused(ValueError, 'is not of a segmenter', cfg, weights)
    cfg = Config.fromfile(config)
    cfg.test_dataloader = None
    refused(ValueError, 'neither the checkpoint nor the test dataset', cfg, weights)

    class Evil:
        def __reduce__(self):
            return json.loads, ('{}',)

    torch.save(dict(state_dict={}, evil=Evil()), tmp_path / 'evil.pth')
    refused(ValueError, 'is refused', config, tmp_path / 'evil.pth')

    def said(text, *args, **kwargs):
        with pytest.raises((ValueError, FileNotFoundError), match=text):
            list(inferencer.predict(*args, **kwargs))

    said('restrict needs tags', photos[:1], restrict=True)
    said("unknown class names \\['horse'\\]", photos[:1], tags=[['horse']])
    said('one list of class names for each of 1 photos', photos[:1], tags=['cat'])
    said('one list of class names for each of 2 photos', photos[:2], tags=[['cat']])
    said('batch_size must be >= 1, got 0', photos, batch_size=0)
    said('none.jpg: no such photo', [tmp_path / 'none.jpg'])
    said('^: no such photo', [''])
    said(r'must be \(H, W, 3\) BGR, got \(4, 4\)', [np.zeros((4, 4), np.uint8)])
    cut = tmp_path / 'cut.jpg'
    cut.write_bytes(photos[0].read_bytes()[:-200])
    said('cut.jpg: a photo must be an image that Pillow or OpenCV', [cut])
