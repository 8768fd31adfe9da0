# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Check of the hosts mmengine, mmcv, mmseg and mmpretrain, without importing them.

The same four modules are provided by two families of distributions: the
original one and its maintained fork with the prefix ``onedl-``. Either will do,
both in one environment will not, since the files of one overwrite the other's.
Standard library only, so that the check runs before anything heavy is loaded.
"""

import re
from importlib import metadata, util
from typing import NamedTuple


class Host(NamedTuple):
    """A module we build on, the oldest version that will do, and who provides it."""

    module: str
    minimum: str
    original: tuple[str, ...]
    maintained: str


HOSTS = (
    Host('mmengine', '0.10', ('mmengine', 'mmengine-lite'), 'onedl-mmengine'),
    Host('mmcv', '2.0', ('mmcv', 'mmcv-lite', 'mmcv-full'), 'onedl-mmcv'),
    Host('mmseg', '1.2.1', ('mmsegmentation',), 'onedl-mmsegmentation'),
    Host('mmpretrain', '1.2', ('mmpretrain',), 'onedl-mmpretrain'),
)
MAINTAINED_COMMAND = (
    'pip install torch torchvision onedl-mmengine onedl-mmcv onedl-mmsegmentation onedl-mmpretrain'
)
ORIGINAL_COMMAND = (
    'pip install -U openmim && '
    'mim install "mmengine>=0.10" "mmcv>=2.0" "mmsegmentation>=1.2.1" "mmpretrain>=1.2"'
)


def check_hosts() -> None:
    """Check that every host is there, recent enough and from one family only.

    Raises:
        ImportError: one message with everything found, everything needed and
            the command for either family.
    """
    found = {host: _installed(host) for host in HOSTS}
    faults = [fault for host, names in found.items() if (fault := _fault(host, names))]
    both = [
        host.module
        for host, names in found.items()
        if host.maintained in names and set(names) & set(host.original)
    ]
    mixed = {name.startswith('onedl-') for names in found.values() for name in names}
    if len(mixed) == 2:
        faults.append(
            'distributions of both families are installed'
            + (f' (both provide {", ".join(both)})' if both else '')
            + '; uninstall one family, then install the other again'
        )
    if faults:
        raise ImportError(_message(found, faults))


def _installed(host: Host) -> dict[str, str]:
    """{distribution: version} of every installed distribution of the host."""
    found = {}
    for name in (*host.original, host.maintained):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _fault(host: Host, names: dict[str, str]) -> str | None:
    if not names:
        # A checkout on PYTHONPATH has no metadata; its version cannot be told, but it is there.
        return None if util.find_spec(host.module) else f'{host.module} is missing'
    old = [f'{name} {version}' for name, version in names.items() if _older(version, host.minimum)]
    return f'{host.module} is too old: {", ".join(old)}' if old else None


def _older(version: str, minimum: str) -> bool:
    return _release(version) < _release(minimum)


def _release(version: str) -> tuple[int, ...]:
    """Leading numbers of a version without trailing zeros: ``'2.0.0rc4'`` -> ``(2,)``."""
    numbers = re.match(r'\d+(?:\.\d+)*', version)
    return tuple(map(int, re.sub(r'(\.0+)+$', '', numbers.group()).split('.'))) if numbers else ()


def _message(found: dict[Host, dict[str, str]], faults: list[str]) -> str:
    have = [f'{name} {version}' for names in found.values() for name, version in names.items()]
    need = [f'{host.module}>={host.minimum}' for host in HOSTS]
    return (
        'mmocr_wsss cannot use the installed hosts: ' + '; '.join(faults) + '.\n'
        f'  found:  {", ".join(have) or "none"}\n'
        f'  needed: {", ".join(need)}, all from one family of distributions\n'
        f'  maintained family:  {MAINTAINED_COMMAND}\n'
        f'  original family:    {ORIGINAL_COMMAND}'
    )
