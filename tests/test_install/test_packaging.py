# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Wheel, editable layout and checkout: what they hold and what config_path finds there."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from small_recipe import SMALL

from mmocr_wsss import __version__, config_path

CONFIG = 'ocr/seam_r38_voc.py'


@pytest.fixture(scope='module')
def source(repo_root, tmp_path_factory):
    """A copy of what git would put into a clone, so that builds leave the checkout alone."""
    copy = tmp_path_factory.mktemp('source')
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split('\0')):
        if (repo_root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((repo_root / name).read_bytes())
    return copy


@pytest.fixture(scope='module')
def archive(source, tmp_path_factory):
    """The wheel."""
    folder = tmp_path_factory.mktemp('dist')
    setup(source, 'bdist_wheel', '--dist-dir', str(folder))
    (built,) = folder.glob('*.whl')
    return built


@pytest.fixture(scope='module')
def wheel(archive, tmp_path_factory):
    """The wheel, unpacked into a folder as an install does."""
    site = tmp_path_factory.mktemp('site')
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(site)
    return site


@pytest.fixture(scope='module')
def python(archive, tmp_path_factory):
    """Of a new environment with the wheel, and all else from the environment of the tests.

    A .pth file adds the latter as a folder of modules, so that its own .pth files, and with them
    an editable install of the checkout, are not seen.
    """
    folder = tmp_path_factory.mktemp('environment')
    venv.create(folder, with_pip=False)
    found = folder / ('Scripts' if sys.platform == 'win32' else 'bin') / 'python'
    pip = [sys.executable, '-m', 'pip', '--python', found, 'install', '-q', '--no-index']
    subprocess.run([*pip, '--no-deps', archive], check=True, capture_output=True)
    asked = [found, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']
    site = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    Path(site, 'others.pth').write_text(sysconfig.get_path('purelib'))
    return found


def setup(source, *command):
    """Run setup.py; its output stands in the report of a failure."""
    done = subprocess.run(
        [sys.executable, 'setup.py', '-q', *command], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def found_from(folder, *code):
    """What ``config_path`` of the package in ``folder`` answers in a process of its own."""
    code = ';'.join((*code, 'import mmocr_wsss', f'print(mmocr_wsss.config_path({CONFIG!r}))'))
    done = subprocess.run(
        [sys.executable, '-c', f'import sys; sys.path.insert(0, {str(folder)!r});{code}'],
        cwd='/',
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def test_wheel_holds_configs_tools_and_index(wheel, repo_root):
    mim = wheel / 'mmocr_wsss' / '.mim'
    for folder in ('configs', 'tools'):
        shipped = {p.relative_to(mim) for p in mim.glob(f'{folder}/**/*') if p.suffix == '.py'}
        ours = {p.relative_to(repo_root) for p in repo_root.glob(f'{folder}/**/*.py')}
        assert ours and shipped == ours
    assert (mim / 'tools' / 'dist_train.sh').is_file()
    assert (mim / 'model-index.yml').read_text() == (repo_root / 'model-index.yml').read_text()
    assert not (wheel / 'configs').exists() and not (wheel / 'tests').exists()


def test_wheel_trains_outside_of_the_checkout(python, run_process, voc_root, tmp_path):
    options = ['--data-root', voc_root, '--cfg-options', *SMALL]
    done = run_process(python, '-m', 'mmocr_wsss', 'train', CONFIG, *options, PYTHONPATH='')
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Iter(train) [2/2]' in done.stdout and 'loss_oc' in done.stdout
    assert (tmp_path / 'work_dirs' / 'ocr' / 'seam_r38_voc' / 'iter_2.pth').is_file()
    which = run_process(python, '-c', 'import mmocr_wsss as m; print(m.__file__)', PYTHONPATH='')
    assert Path(which.stdout).is_relative_to(python.parents[1])


def test_list_of_the_tools(python, run_process, repo_root):
    done = run_process(python, '-m', 'mmocr_wsss', PYTHONPATH='')
    ours = {path.relative_to(repo_root / 'tools') for path in repo_root.glob('tools/**/*.py')}
    listed = done.stdout.partition('\nTools: ')[2].strip().split(', ')
    assert done.returncode == 0
    assert listed == sorted(path.with_suffix('').as_posix() for path in ours)


@pytest.mark.parametrize(
    ('arguments', 'code', 'said'),
    [
        (['trian'], 2, "error: there is no tool 'trian'"),
        (['train', 'ocr/seam_r38_vok.py'], 1, "'ocr/seam_r38_voc.py']?"),
        (['analysis/oc_report', '--help'], 0, 'usage: oc_report.py'),
    ],
)
def test_tools_by_name(arguments, code, said, run_process, repo_root):
    done = run_process(sys.executable, '-m', 'mmocr_wsss', *arguments)
    assert done.returncode == code and said in done.stdout + done.stderr


def test_version_and_extras_of_the_wheel(wheel):
    (info,) = wheel.glob('*.dist-info')
    text = (info / 'METADATA').read_text()
    assert f'\nVersion: {__version__}\n' in text
    extras = {line.split()[1] for line in text.splitlines() if line.startswith('Provides-Extra:')}
    assert extras >= {'mminstall', 'optional', 'tests', 'docs', 'all'}
    required = [line for line in text.splitlines() if line.startswith('Requires-Dist:')]
    always = [line for line in required if 'extra ==' not in line]
    assert always and not any(host in line for line in always for host in ('mm', 'torch'))
    # '-r' lines of a requirement file are followed.
    assert any(
        'pydensecrf2' in line and "'optional'" in line.replace('"', "'") for line in required
    )


def test_config_path_from_a_wheel(wheel):
    assert found_from(wheel) == wheel / 'mmocr_wsss' / '.mim' / 'configs' / CONFIG


def test_config_path_from_an_editable_install(source):
    build = (
        'import sys; sys.argv = ["setup.py"]; import setuptools; '
        'setuptools.setup = lambda **kw: made.update(kw); made = {}; '
        'exec(open("setup.py").read(), {**globals(), "__file__": "setup.py"}); '
        'from setuptools.dist import Distribution; '
        'command = made["cmdclass"]["build_py"](Distribution(dict(packages=[]))); '
        'command.editable_mode = True; command.ensure_finalized(); command.run()'
    )
    subprocess.run([sys.executable, '-c', build], cwd=source, check=True, capture_output=True)
    link = source / 'mmocr_wsss' / '.mim' / 'configs'
    assert link.is_symlink()
    assert found_from(source) == link / CONFIG
    assert (link / CONFIG).resolve() == source.resolve() / 'configs' / CONFIG


def test_config_path_from_a_checkout(repo_root):
    assert Path(config_path(CONFIG)).resolve() == repo_root / 'configs' / CONFIG


def test_unknown_config_names_the_closest():
    with pytest.raises(
        FileNotFoundError, match=r"no config 'ocr/seam_r38_vok.py'.*seam_r38_voc.py"
    ):
        config_path('ocr/seam_r38_vok.py')
    with pytest.raises(FileNotFoundError, match=r"'seam_r38_voc.py'.*'ocr/seam_r38_voc.py'"):
        config_path('seam_r38_voc.py')
    with pytest.raises(FileNotFoundError, match=r"no config 'nothing'; it ships \['_base_/"):
        config_path('nothing')


@pytest.mark.parametrize('name', ['../setup.py', '/etc/hostname', '../configs', ''])
def test_config_path_stays_in_its_folder(name):
    with pytest.raises(FileNotFoundError, match='ships no config'):
        config_path(name)
