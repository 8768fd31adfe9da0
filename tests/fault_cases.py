# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Faults as rows of tables: what is broken, the command, what it has to say, its exit code.

A command is text: the tool, then its arguments; ``{name}`` is a path or a setting of
:func:`write_world`. The files of a world are made anew for every row, so that a row may break
them.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from small_recipe import SMALL

from mmocr_wsss.cam_files import write_cam
from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.stage_files import write_stage

ROOT = Path(__file__).resolve().parents[1]
#: The images that have CAMs.
IDS = [f'2007_{number:06d}' for number in range(1, 5)]


class Fault(NamedTuple):
    """One row.

    Args:
        name: of the case.
        command: of a tool, see above.
        said: words that the message holds, all of them.
        spoil: what breaks the world before the command runs.
        code: exit code.
    """

    name: str
    command: str
    said: tuple[str, ...]
    spoil: Callable[[dict], None] | None = None
    code: int = 1


def write_world(voc_root: Path, checkpoint: Path, folder: Path) -> dict:
    """Copies of everything that tools read, and names of what they write."""
    root = folder / 'data'
    shutil.copytree(voc_root, root)
    cams = folder / 'cams'
    tags = json.loads((root / 'image_tags.json').read_text())
    names = foreground_classes('voc')
    for image_id in IDS:
        width, height = Image.open(root / f'JPEGImages/{image_id}.jpg').size
        class_ids = sorted(names.index(name) + 1 for name in tags[image_id])
        cam = np.linspace(0, 1, height * width).reshape(1, height, width)
        path = cams / f'{image_id}.npz'
        write_cam(path, np.repeat(cam, len(class_ids), 0), class_ids, (height, width))
    write_stage(cams, dict(background_threshold=0.3, classes=list(names), images='x'))
    (folder / 'ids.txt').write_text('\n'.join(IDS) + '\n')
    (folder / 'classes.txt').write_text('\n'.join(names) + '\n')
    shutil.copy(checkpoint, folder / 'weights.pth')
    configs = ROOT / 'configs'
    return dict(
        folder=folder,
        root=root,
        photos=root / 'JPEGImages',
        photo=root / f'JPEGImages/{IDS[0]}.jpg',
        true=root / 'SegmentationClassAug',
        pseudo=root / 'pseudo_masks',
        tags=root / 'image_tags.json',
        cams=cams,
        ids=folder / 'ids.txt',
        classes=folder / 'classes.txt',
        weights=folder / 'weights.pth',
        out=folder / 'out',
        work=folder / 'work',
        mine=folder / 'mine.py',
        seam=configs / 'ocr' / 'seam_r38_voc.py',
        cam_config=configs / 'cam' / 'seam_r38_voc.py',
        pipeline_config=configs / 'pipelines' / 'seam_voc.py',
        small=shlex.join(SMALL),
        initial=shlex.join(item for item in SMALL if 'init_cfg' not in item),
        model=shlex.join(item for item in SMALL if item.startswith('model.')),
    )


def check(fault: Fault, run_tool: Callable[..., int], world: dict, capfd) -> None:
    """Run a row: its exit code, one error message with all words, no stack trace."""
    if fault.spoil is not None:
        fault.spoil(world)
    tool, *argv = shlex.split(fault.command.format(**world))
    capfd.readouterr()
    try:
        code = run_tool(tool, *argv)
    except SystemExit as end:  # argparse, and tools that say their errors themselves
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    printed = capfd.readouterr()
    check_message(fault, code, printed.err, printed.out)


def check_message(fault: Fault, code: int, err: str, out: str = '') -> None:
    """The rules for what a failed command prints."""
    assert 'Traceback' not in err + out, err + out
    starts = [
        number
        for number, line in enumerate(err.splitlines())
        if line.startswith(('error: ', 'convert.py: ')) or '.py: error: ' in line
    ]
    assert len(starts) == 1, f'one error message, found {len(starts)} in\n{err}'
    message = '\n'.join(err.splitlines()[starts[0] :])
    missing = [words for words in fault.said if words not in message]
    assert not missing, f'not said: {missing}\nsaid:\n{message}'
    assert code == fault.code, f'exit code {code}, said:\n{message}'
