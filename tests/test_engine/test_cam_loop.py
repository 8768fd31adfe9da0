# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The loop that makes CAM files: what it writes, skips, refuses and reports."""

import json
import shutil
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from PIL import Image

from mmocr_wsss.cam_files import read_cam
from mmocr_wsss.functional.cam import merge_views, normalise_max
from mmocr_wsss.stage_files import read_stage, write_stage

IDS = [f'2007_00000{n}' for n in range(1, 9)]


@pytest.fixture
def root(voc_root, tmp_path):
    shutil.copytree(voc_root, tmp_path / 'data')
    return tmp_path / 'data'


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = build_model()
    torch.nn.init.normal_(model.head.classifier.weight)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


def model_config():
    return dict(
        type='mmocr_wsss.CAMClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3,
                               to_rgb=True),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(3,)),
        head=dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=32),
    )  # fmt: skip


def build_model():
    from mmengine.registry import init_default_scope
    from mmpretrain.registry import MODELS

    init_default_scope('mmpretrain')
    return MODELS.build(model_config()).eval()


def build_runner(root, checkpoint, out, model=None, classes='voc', **test_cfg):
    Visualizer._instance_dict.clear()
    pipeline = [
        dict(type='mmocr_wsss.LoadPhoto'),
        dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 0.5)),
    ]
    dataset = dict(
        type='mmocr_wsss.TaggedImageDataset', classes=classes, tags='image_tags.json',
        data_root=str(root), data_prefix=dict(img_path='JPEGImages'),
        ann_file='ImageSets/Segmentation/train_aug.txt', pipeline=pipeline,
    )  # fmt: skip
    cfg = dict(
        default_scope='mmpretrain',
        model=model or model_config(),
        test_dataloader=dict(num_workers=0, dataset=dataset),
        test_evaluator=dict(type='mmocr_wsss.CAMDumper', out_dir=None if out is None else str(out)),
        test_cfg=dict(type='mmocr_wsss.CAMLoop', normalisation='max', **test_cfg),
        work_dir=str(root.parent / 'work'),
        load_from=str(checkpoint),
    )
    return Runner.from_cfg(Config(cfg))


def files_of(folder):
    return {path.stem: path.read_bytes() for path in folder.glob('[!.]*.npz')}


def test_files_hold_the_merged_normalised_maps(root, checkpoint, tmp_path):
    runner = build_runner(root, checkpoint, tmp_path / 'cams', background_threshold=0.25)
    assert runner.test() == {'cam/written': 8}
    assert sorted(files_of(tmp_path / 'cams')) == IDS
    loop = runner.test_loop
    item = loop.dataset[2]
    cam_file = read_cam(tmp_path / 'cams' / f'{IDS[2]}.npz')
    tags = np.flatnonzero(loop.dataset.tag_matrix[2])
    assert cam_file.class_ids.tolist() == (tags + 1).tolist()
    assert cam_file.image_size == (48, 64) and cam_file.cam.shape == (len(tags), 48, 64)
    model = runner.model
    views = [model.data_preprocessor(dict(inputs=[view]))['inputs'] for view in item['inputs']]
    with torch.no_grad():
        maps = merge_views(model.cams, views, torch.from_numpy(tags), size=(48, 64), flip=True)
    np.testing.assert_allclose(cam_file.cam, normalise_max(maps), atol=1e-3)
    assert cam_file.cam.max() > 0.9
    stage = read_stage(tmp_path / 'cams')
    assert stage['background_threshold'] == 0.25 and stage['num_images'] == 8
    assert stage['normalisation'] == 'max' and len(stage['checkpoint_sha256']) == 64


def test_default_folder_is_in_the_work_folder(root, checkpoint):
    build_runner(root, checkpoint, None).test()
    assert sorted(files_of(root.parent / 'work' / 'cams')) == IDS


def test_finished_images_are_skipped(root, checkpoint, tmp_path):
    out = tmp_path / 'cams'
    build_runner(root, checkpoint, out).test()
    before = files_of(out)
    for image_id in IDS[1:4]:
        (out / f'{image_id}.npz').unlink()
    times = {path: path.stat().st_mtime_ns for path in out.glob('*.npz')}
    assert build_runner(root, checkpoint, out).test() == {'cam/written': 3}
    assert files_of(out) == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert build_runner(root, checkpoint, out).test() == {'cam/written': 0}


def test_a_folder_made_otherwise_is_refused(root, checkpoint, tmp_path):
    out = tmp_path / 'cams'
    build_runner(root, checkpoint, out).test()
    with pytest.raises(ValueError, match=r'made in another way \(stride: there 1, now 4\)'):
        build_runner(root, checkpoint, out, stride=4).test()
    wider = model_config()
    wider['backbone']['dilations'] = (1, 1, 1, 2)
    with pytest.raises(ValueError, match=r'\(model_sha256: there'):
        build_runner(root, checkpoint, out, model=wider).test()
    tags = json.loads((root / 'image_tags.json').read_text())
    tags[IDS[0]] = ['sofa']
    (root / 'image_tags.json').write_text(json.dumps(tags))
    with pytest.raises(ValueError, match=r'tags_sha256: there .* \(--out FOLDER\)'):
        build_runner(root, checkpoint, out).test()
    (out / 'stage.json').unlink()
    with pytest.raises(ValueError, match='no stage.json'):
        build_runner(root, checkpoint, out).test()


def test_the_same_photos_by_another_path_are_the_same(root, checkpoint, tmp_path):
    build_runner(root, checkpoint, tmp_path / 'cams').test()
    (tmp_path / 'link').symlink_to(root)
    link = tmp_path / 'link'
    assert build_runner(link, checkpoint, tmp_path / 'cams').test() == {'cam/written': 0}
    shutil.copytree(root, tmp_path / 'copy' / 'data')
    with pytest.raises(ValueError, match=r'\(images: there .*/data/JPEGImages'):
        build_runner(tmp_path / 'copy' / 'data', checkpoint, tmp_path / 'cams').test()


def test_the_threshold_may_change(root, checkpoint, tmp_path):
    out = tmp_path / 'cams'
    build_runner(root, checkpoint, out).test()
    write_stage(out, read_stage(out) | {'background_threshold': 0.3})
    build_runner(root, checkpoint, out).test()
    assert read_stage(out)['background_threshold'] == 0.3  # written there by hand
    build_runner(root, checkpoint, out, background_threshold=0.4).test()
    assert read_stage(out)['background_threshold'] == 0.4


def test_a_folder_without_files_takes_any(root, checkpoint, tmp_path):
    write_stage(tmp_path / 'cams', {'background_threshold': 0.1, 'stride': 8})
    build_runner(root, checkpoint, tmp_path / 'cams').test()
    assert read_stage(tmp_path / 'cams')['background_threshold'] is None


def test_a_checkpoint_of_another_network_is_refused(root, checkpoint, tmp_path):
    state = torch.load(checkpoint)['state_dict']
    state['extra'] = state.pop('head.classifier.weight')
    torch.save(dict(state_dict=state), tmp_path / 'other.pth')
    with pytest.raises(ValueError) as error:
        build_runner(root, tmp_path / 'other.pth', tmp_path / 'cams').test()
    text = str(error.value)
    assert 'other.pth does not fit the model of the config' in text
    assert '1 x missing tensor: head.classifier.weight' in text
    assert '1 x unexpected tensor: extra' in text and 'convert.py' in text
    model = model_config()
    model['head']['num_classes'] = 2
    with pytest.raises(ValueError, match=r'1 x tensor of another shape: size mismatch for head'):
        build_runner(root, checkpoint, tmp_path / 'cams', model=model).test()
    state = {f'module.{name}': value for name, value in torch.load(checkpoint)['state_dict'].items()
             if not name.endswith('num_batches_tracked')}  # fmt: skip
    torch.save(dict(state_dict=state), tmp_path / 'wrapped.pth')
    build_runner(root, tmp_path / 'wrapped.pth', tmp_path / 'cams').test()


def test_a_network_of_other_classes_is_refused(root, checkpoint, tmp_path):
    classes = [f'class {n}' for n in range(3)]
    (root / 'image_tags.json').write_text(json.dumps(dict.fromkeys(IDS, classes[:1])))
    with pytest.raises(ValueError, match='maps of 20 classes, the test dataset has 3. Set model.h'):
        build_runner(root, checkpoint, tmp_path / 'cams', classes=classes).test()
    assert not (tmp_path / 'cams').exists()


def test_a_grid_costs_little(root, checkpoint, tmp_path):
    build_runner(root, checkpoint, tmp_path / 'full').test()
    build_runner(root, checkpoint, tmp_path / 'grid', stride=8).test()
    full, grid = (read_cam(tmp_path / name / f'{IDS[0]}.npz') for name in ('full', 'grid'))
    assert grid.cam.shape[1:] == (6, 8) and full.cam.shape[1:] == (48, 64)


def test_images_without_tags_get_an_empty_file(root, checkpoint, tmp_path):
    tags = json.loads((root / 'image_tags.json').read_text())
    tags[IDS[4]] = []
    (root / 'image_tags.json').write_text(json.dumps(tags))
    build_runner(root, checkpoint, tmp_path / 'cams').test()
    assert read_cam(tmp_path / 'cams' / f'{IDS[4]}.npz').cam.shape == (0, 48, 64)


@pytest.fixture
def broken(root):
    """One photo cut off in the middle, one that is no image."""
    cut, text = (root / 'JPEGImages' / f'{image_id}.jpg' for image_id in (IDS[2], IDS[5]))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    text.write_text('not a photo')
    return cut, text


def test_an_unreadable_image_stops_the_run_by_name(root, checkpoint, tmp_path, broken):
    with pytest.raises(ValueError) as error:
        build_runner(root, checkpoint, tmp_path / 'cams').test()
    assert '1 x unreadable image' in str(error.value) and str(broken[0]) in str(error.value)
    assert 'test_cfg.on_error=collect' in str(error.value)
    assert sorted(files_of(tmp_path / 'cams')) == IDS[:2]


def test_by_option_all_unreadable_images_are_listed_at_the_end(root, checkpoint, tmp_path, broken):
    with pytest.raises(ValueError) as error:
        build_runner(root, checkpoint, tmp_path / 'cams', on_error='collect').test()
    assert '2 x unreadable image' in str(error.value)
    assert all(str(path) in str(error.value) for path in broken)
    assert sorted(files_of(tmp_path / 'cams')) == [i for i in IDS if i not in (IDS[2], IDS[5])]


def test_every_one_of_many_is_listed(root, checkpoint, tmp_path):
    for image_id in IDS[:7]:
        (root / 'JPEGImages' / f'{image_id}.jpg').write_text('not a photo')
    with pytest.raises(ValueError) as error:
        build_runner(root, checkpoint, tmp_path / 'cams', on_error='collect').test()
    assert all(f'{image_id}.jpg (' in str(error.value) for image_id in IDS[:7])


def test_16_bits_are_refused_by_name(root, checkpoint, tmp_path):
    path = root / 'JPEGImages' / f'{IDS[0]}.jpg'
    Image.fromarray(np.full((48, 64), 9999, np.uint16)).save(path, format='PNG')
    with pytest.raises(ValueError, match=rf"{IDS[0]}.*8 bits per channel, got Pillow mode 'I;16'"):
        build_runner(root, checkpoint, tmp_path / 'cams').test()


def test_an_image_that_is_too_much_for_the_network_is_named(root, checkpoint, tmp_path):
    def cams(inputs, class_index):
        if inputs.shape[-1] == 50:
            raise RuntimeError('out of memory')
        return torch.rand(len(inputs), len(class_index), 3, 4)

    Image.new('RGB', (50, 40)).save(root / 'JPEGImages' / f'{IDS[3]}.jpg')
    runner = build_runner(root, checkpoint, tmp_path / 'cams', on_error='collect')
    with patch.object(runner.model, 'cams', cams), pytest.raises(ValueError) as error:
        runner.test()
    assert '1 x image that the network refuses' in str(error.value)
    assert f'{IDS[3]}.jpg (RuntimeError: out of memory)' in str(error.value)
    assert len(files_of(tmp_path / 'cams')) == 7


def test_faults_of_the_pipeline_are_not_those_of_photos(root, checkpoint, tmp_path):
    runner = build_runner(root, checkpoint, tmp_path / 'cams', on_error='collect')
    runner.test_loop.dataset.pipeline.transforms[1].scales = ('one',)
    with pytest.raises(RuntimeError, match=f'{IDS[0]}.jpg: PackScaledViews of the pipeline fails'):
        runner.test()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(precision='float16'), "test_cfg.precision must be one of .* got 'float16'"),
        (dict(on_error='skip'), "test_cfg.on_error must be one of .* got 'skip'"),
        (dict(stride=0), 'the stride of CAM files must be an integer >= 1, got 0'),
        (dict(stride='8'), "must be an integer >= 1, got '8'"),
    ],
)
def test_bad_settings(root, checkpoint, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        build_runner(root, checkpoint, tmp_path / 'cams', **settings).test()


def test_bfloat16_stays_close(root, checkpoint, tmp_path):
    build_runner(root, checkpoint, tmp_path / 'full').test()
    build_runner(root, checkpoint, tmp_path / 'half', precision='bfloat16').test()
    pairs = [[read_cam(tmp_path / name / f'{i}.npz').cam for name in ('full', 'half')] for i in IDS]
    worst = max(np.abs(a.astype(float) - b).max() for a, b in pairs)
    assert 0 < worst < 0.1


def test_transforms_without_a_name_of_their_own_do_not_stop_a_resume(root, checkpoint, tmp_path):
    class Nothing:
        def __call__(self, item):
            return item

    for _ in range(2):  # two objects, at two addresses
        runner = build_runner(root, checkpoint, tmp_path / 'cams')
        runner.test_loop.dataset.pipeline.transforms.append(Nothing())
        runner.test()
    assert 'Nothing object>' in read_stage(tmp_path / 'cams')['pipeline'][2]
