# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.cam_files import cam_grid, cam_path, write_cam
from mmocr_wsss.datasets.photos import read_photo
from mmocr_wsss.stage_files import write_stage

IDS = [f'part/{n}' if n % 2 else str(n) for n in range(6)]
SIZE = (30, 40)


@pytest.fixture
def folders(tmp_path):
    cams, photos = tmp_path / 'cams', tmp_path / 'photos'
    rng = np.random.default_rng(0)
    for number, image_id in enumerate(IDS):
        ids = np.array([3, 9][: number % 3])
        write_cam(cam_path(cams, image_id), rng.random((len(ids), *cam_grid(SIZE, 4))), ids, SIZE)
        (photos / image_id).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE[::-1], 'gray').save(photos / f'{image_id}.jpg')
    write_stage(cams, {'background_threshold': 0.3, 'classes': 'voc'})
    return cams, photos


def show(run_tool, folders, out, *more):
    return run_tool('analysis/show_cams', folders[0], '--images', folders[1], '--out', out, *more)


def drawn(out):
    return sorted(path.relative_to(out).as_posix() for path in out.rglob('*.png'))


def test_one_picture_per_image(run_tool, folders, tmp_path, capsys):
    assert show(run_tool, folders, tmp_path / 'out') == 0
    assert drawn(tmp_path / 'out') == sorted(f'{image_id}.png' for image_id in IDS)
    assert '6 pictures' in capsys.readouterr().out
    sizes = [Image.open(tmp_path / 'out' / f'{i}.png').size for i in IDS[:3]]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0]  # a panel more for each class


def test_some_images(run_tool, folders, tmp_path):
    assert show(run_tool, folders, tmp_path / 'two', '--num', 2) == 0
    assert len(drawn(tmp_path / 'two')) == 2
    (tmp_path / 'ids.txt').write_text('part/3\n')
    assert show(run_tool, folders, tmp_path / 'one', '--ids', tmp_path / 'ids.txt') == 0
    assert drawn(tmp_path / 'one') == ['part/3.png']


def test_faults_are_listed_and_the_rest_is_drawn(run_tool, folders, tmp_path, capsys):
    (folders[1] / '0.jpg').unlink()
    Image.new('RGB', (5, 5)).save(folders[1] / 'part' / '1.jpg')
    assert show(run_tool, folders, tmp_path / 'out') == 1
    error = capsys.readouterr().err
    assert '2 x image that cannot be shown' in error
    assert 'no .jpg' in error and 'like the photo' in error
    assert len(drawn(tmp_path / 'out')) == 4


def test_a_threshold_is_needed(run_tool, folders, tmp_path, capsys):
    write_stage(folders[0], {'background_threshold': None, 'classes': 'voc'})
    assert show(run_tool, folders, tmp_path / 'out') == 1
    assert 'give --threshold' in capsys.readouterr().err
    assert show(run_tool, folders, tmp_path / 'out', '--threshold', 0.5) == 0


def test_photos_with_their_own_ending(run_tool, folders, tmp_path, capsys):
    for path in list(folders[1].rglob('*.jpg')):
        path.rename(path.with_suffix('.photo'))
    assert show(run_tool, folders, tmp_path / 'none') == 1
    assert '--img-suffix tells how photos end' in capsys.readouterr().err
    assert show(run_tool, folders, tmp_path / 'given', '--img-suffix', '.photo') == 0
    stage = {'background_threshold': 0.5, 'classes': 'voc', 'img_suffix': '.photo'}
    write_stage(folders[0], stage)
    assert show(run_tool, folders, tmp_path / 'out') == 0
    assert len(drawn(tmp_path / 'out')) == len(drawn(tmp_path / 'given')) == len(IDS)
    for path in list(folders[1].rglob('*.photo')):
        path.rename(path.with_suffix('.JPG'))
    write_stage(folders[0], {'background_threshold': 0.5, 'classes': 'voc'})
    assert show(run_tool, folders, tmp_path / 'capital') == 0


def test_photos_are_turned_as_cameras_say(tmp_path):
    photo = Image.new('RGB', (6, 4))
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(tmp_path / 'x.jpg', exif=exif)
    assert read_photo(tmp_path / 'x.jpg').shape == (6, 4, 3)
