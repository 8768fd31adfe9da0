# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a stage was made from, how far it is, and whether it still holds."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

import mmocr_wsss
from mmocr_wsss.artifacts import read_json, sha256_of_file, write_json
from mmocr_wsss.pipeline.commands import repository
from mmocr_wsss.pipeline.layout import Layout
from mmocr_wsss.pipeline.plan import Stage

#: Options of commands that do not change what they make -> number of their values.
_WITHOUT_EFFECT = {'--jobs': 1, '--device': 1}


def stage_facts(
    stage: Stage, layout: Layout, root: str, upstream: dict[str, str]
) -> dict[str, Any]:
    """What the result of a stage depends on, as JSON values.

    The number of processes and the device are left out: a stage is not made again
    because it goes on elsewhere. Folders of photos and masks enter with names and sizes
    of their files, other inputs with their content, configs with their content and their
    name below ``configs``.

    Args:
        stage: the stage.
        layout: of the output folder, whose place does not matter.
        root: folder of the data, whose place does not matter either.
        upstream: stage name -> key, for the stages that it needs.
    """
    places = _places(stage, layout, root)
    configs = {_config_name(path): Config.fromfile(path).to_dict() for path in stage.configs}
    weights = {node['checkpoint'] for node in _dicts(configs) if _is_local_weights(node)}
    lists = {node['ann_file'] for node in _dicts(configs) if node.get('ann_file')}
    return json.loads(
        json.dumps(
            {
                'version': mmocr_wsss.__version__,
                'commands': [_command(command, places) for command in stage.commands],
                'configs': configs,
                'weights': {path: _digest(Path(path)) for path in sorted(weights)},
                'lists': {path: _digest(Path(root, path)) for path in sorted(lists)},
                'inputs': {_short(path): _digest(path) for path in stage.inputs},
                'needs': {name: upstream[name] for name in stage.needs},
            },
            default=str,
        )
    )


def key_of(facts: dict[str, Any]) -> str:
    """Short name of a set of facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


class Record:
    """The file ``OUT/stages/NAME.json``: facts, commands that are done, seconds.

    Args:
        layout: of the output folder.
        name: of the stage.
    """

    def __init__(self, layout: Layout, name: str) -> None:
        self.path = layout.record(name)
        self.facts: dict[str, Any] | None = None
        self.done, self.finished, self.seconds, self.repeats = 0, False, 0.0, 0
        if self.path.is_file():
            content = read_json(self.path)
            self.facts = content['facts']
            self.done, self.finished = content['commands_done'], content['finished']
            self.seconds, self.repeats = content['seconds'], content.get('repeats', 0)

    @property
    def key(self) -> str:
        """Names the result for the stages that need it; another one each time it is made anew."""
        assert self.facts is not None  # there is no key before the first start
        return key_of(self.facts) + (f'-{self.repeats}' if self.repeats else '')

    def start(self, facts: dict[str, Any]) -> None:
        """The stage begins from nothing."""
        self.repeats = self.repeats + 1 if self.facts == facts else 0
        self.facts, self.done, self.finished, self.seconds = facts, 0, False, 0.0
        self.write()

    def write(self) -> None:
        """Save it."""
        write_json(
            self.path,
            {
                'key': self.key,
                'repeats': self.repeats,
                'commands_done': self.done,
                'finished': self.finished,
                'seconds': round(self.seconds, 1),
                'written': time.strftime('%Y-%m-%d %H:%M:%S'),
                'facts': self.facts,
            },
        )

    def changes(self, facts: dict[str, Any]) -> list[str]:
        """Where the facts differ from those that the stage was made from."""
        return list(_differences(self.facts, facts))


def set_aside(stage: Stage, layout: Layout) -> list[Path]:
    """Move what a stage made in another way to ``OUT/superseded``; gives the new places."""
    moved = []
    stamp = time.strftime('%Y%m%d-%H%M%S')
    for path in stage.outputs:
        if not path.exists():
            continue
        target = layout.out / 'superseded' / f'{path.name}-{stamp}'
        number = 1
        while target.exists():
            target = target.with_name(f'{path.name}-{stamp}-{number}')
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
        moved.append(target)
    return moved


def _short(path: Path) -> str:
    return '/'.join(path.parts[-2:])


def _config_name(path: str) -> str:
    """Of a config, wherever its checkout lies: the path below ``configs``, or the file's name."""
    parts = Path(path).parts
    depth = parts[::-1].index('configs') if 'configs' in parts else 1
    return '/'.join(parts[-depth:])


def _places(stage: Stage, layout: Layout, root: str) -> dict[str, str]:
    """What stands for files and folders whose place does not matter; the longest first."""
    folders = {'OUT': layout.out, 'DATA': Path(root), 'CODE': repository()}
    names = {}
    for name, folder in folders.items():
        names |= {os.fspath(folder): name, os.fspath(folder.resolve()): name}
    for path in stage.configs:
        if not any(Path(path).is_relative_to(folder) for folder in names):
            names[path] = f'CODE/configs/{_config_name(path)}'
    return dict(sorted(names.items(), key=lambda item: -len(item[0])))


def _command(command: list[str], places: dict[str, str]) -> list[str]:
    """A command without what differs between machines and places."""
    parts, skip = [], 0
    for part in command[1:]:  # without the interpreter
        if skip:
            skip -= 1
        elif part in _WITHOUT_EFFECT:
            skip = _WITHOUT_EFFECT[part]
        else:
            for folder, name in places.items():
                part = part.replace(folder, name)
            parts.append(part)
    return _undistributed(parts)


def _undistributed(parts: list[str]) -> list[str]:
    """``dist_train.sh CONFIG N ...`` as the ``train.py CONFIG ...`` that it runs."""
    tool = parts[0]
    if not tool.endswith('.sh'):
        return parts
    count = {'dist_train.sh': 2, 'dist_test.sh': 3}[Path(tool).name]
    parts = [tool.replace('dist_', '').replace('.sh', '.py'), *parts[1:]]
    return parts[:count] + parts[count + 1 :]


def _is_local_weights(node: dict) -> bool:
    file = node.get('checkpoint')
    return node.get('type') == 'Pretrained' and bool(file) and '://' not in str(file)


def _dicts(node: Any) -> Iterator[dict]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, (dict, list, tuple)):
            yield from _dicts(child)


def _digest(path: Path) -> str:
    """Of the content of a file, or of the names and sizes of a folder's files."""
    if path.is_file():
        return sha256_of_file(path)[:16]
    if not path.is_dir():
        return 'missing'
    files = sorted(item for item in path.rglob('*') if item.is_file())
    text = ''.join(f'{file.relative_to(path)} {file.stat().st_size}\n' for file in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _differences(old: Any, new: Any, where: str = '') -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f'{where}.{key}' if where else key)
    elif old != new:
        yield where
