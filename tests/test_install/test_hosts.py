# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The check of the hosts, on made-up sets of installed distributions."""

import re
import subprocess
import sys
from importlib import metadata, util

import pytest

from mmocr_wsss import hosts

ORIGINAL = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmsegmentation': '1.2.2', 'mmpretrain': '1.2.0'}
MAINTAINED = {
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmsegmentation': '1.4.2',
    'onedl-mmpretrain': '1.3.6',
}


@pytest.fixture
def install(monkeypatch):
    """Pretend that exactly the given distributions are installed, and no stray module."""

    def pretend(distributions, modules=()):
        def version(name):
            if name not in distributions:
                raise metadata.PackageNotFoundError(name)
            return distributions[name]

        monkeypatch.setattr(hosts.metadata, 'version', version)
        monkeypatch.setattr(hosts.util, 'find_spec', lambda name: name in modules or None)

    assert hosts.metadata is metadata and hosts.util is util
    return pretend


@pytest.mark.parametrize(
    'distributions',
    [
        ORIGINAL,
        MAINTAINED,
        {**ORIGINAL, 'mmcv': '2.0.0rc4'},
        {k: v for k, v in ORIGINAL.items() if k != 'mmcv'} | {'mmcv-lite': '2.0.0'},
    ],
    ids=['original', 'maintained', 'release candidate', 'lite'],
)
def test_either_family_will_do(install, distributions):
    install(distributions)
    hosts.check_hosts()


def test_a_module_without_metadata_counts_as_there(install):
    install({k: v for k, v in ORIGINAL.items() if k != 'mmpretrain'}, modules=('mmpretrain',))
    hosts.check_hosts()


@pytest.mark.parametrize(
    ('distributions', 'fault'),
    [
        ({}, 'mmengine is missing; mmcv is missing; mmseg is missing; mmpretrain is missing'),
        ({k: v for k, v in MAINTAINED.items() if k != 'onedl-mmcv'}, 'mmcv is missing'),
        ({**ORIGINAL, 'mmengine': '0.9.1'}, 'mmengine is too old: mmengine 0.9.1'),
        ({**ORIGINAL, 'mmcv': '1.7.2'}, 'mmcv is too old: mmcv 1.7.2'),
        ({**ORIGINAL, 'mmsegmentation': '1.2.0'}, 'mmseg is too old: mmsegmentation 1.2.0'),
        (
            {**MAINTAINED, 'onedl-mmpretrain': '1.1'},
            'mmpretrain is too old: onedl-mmpretrain 1.1',
        ),
        ({**MAINTAINED, 'mmcv': '2.1.0'}, 'both families are installed (both provide mmcv)'),
        (
            {k: v for k, v in MAINTAINED.items() if k != 'onedl-mmcv'} | {'mmcv': '2.1.0'},
            'both families are installed;',
        ),
    ],
)
def test_one_error_says_found_needed_and_command(install, distributions, fault):
    install(distributions)
    with pytest.raises(ImportError) as caught:
        hosts.check_hosts()
    message = str(caught.value)
    assert fault in message
    for name, version in distributions.items():
        assert f'{name} {version}' in message
    assert ('none' in message.split('needed:')[0]) == (not distributions)
    assert 'needed: mmengine>=0.10, mmcv>=2.0, mmseg>=1.2.1, mmpretrain>=1.2' in message
    assert 'pip install torch torchvision onedl-mmengine' in message
    assert 'mim install "mmengine>=0.10" "mmcv>=2.0" "mmsegmentation>=1.2.1"' in message


def test_minimum_is_the_one_of_the_requirements(repo_root):
    text = (repo_root / 'requirements' / 'mminstall.txt').read_text()
    pins = dict(re.findall(r'^([a-z]+)>=([\d.]+)$', text, re.MULTILINE))
    assert len(pins) == len(hosts.HOSTS)
    for host in hosts.HOSTS:
        assert hosts._release(pins[host.original[0]]) == hosts._release(host.minimum)


def test_convention_versions_compare_by_number():
    assert hosts._older('0.9', '0.10') and not hosts._older('0.10', '0.9')
    assert not hosts._older('2.0.0', '2.0') and not hosts._older('2.0', '2.0.0')
    assert not hosts._older('10.0', '2.0')


def test_import_runs_the_check_and_loads_nothing_heavy(repo_root):
    code = (
        'import sys; from importlib import metadata; import mmocr_wsss; '
        'print(sorted({"torch", "mmengine", "numpy", "mmseg"} & set(sys.modules)))\n'
        'del sys.modules["mmocr_wsss"]; metadata.version = lambda name: "0.1"\n'
        'try: import mmocr_wsss\n'
        'except ImportError as error: print("too old" in str(error))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=repo_root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split('\n')[:2] == ['[]', 'True']


def test_the_loss_is_an_attribute_of_the_package():
    import mmocr_wsss
    from mmocr_wsss.models.losses import OutOfCandidateLoss

    assert mmocr_wsss.OutOfCandidateLoss is OutOfCandidateLoss
    with pytest.raises(AttributeError, match="no attribute 'OutOfCandidate'"):
        mmocr_wsss.OutOfCandidate  # noqa: B018
