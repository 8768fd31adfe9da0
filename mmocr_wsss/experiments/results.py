# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The results of an experiment: ``results.jsonl``, one line per finished run."""

import json
import os
from pathlib import Path
from typing import Any


def read_results(path: str | os.PathLike) -> dict[tuple[str, int], dict[str, Any]]:
    """{(key of the settings, seed): line}; nothing where there is no file.

    A last line without its end was cut off by a kill: that run is not finished.

    Raises:
        ValueError: another line is not what :func:`append_result` writes.
    """
    if not Path(path).is_file():
        return {}
    results = {}
    text = Path(path).read_text(encoding='utf-8')
    whole = text[: text.rfind('\n') + 1].splitlines()
    for number, line in enumerate(whole, start=1):
        try:
            entry = json.loads(line)
            results[entry['key'], entry['seed']] = entry
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f'{path}, line {number}: not a result ({error!r}). Take the line out; its run is '
                'then made again.'
            ) from None
    return results


def append_result(path: str | os.PathLike, entry: dict[str, Any]) -> None:
    """Add a line, on the disk when this returns; the rest of a cut-off line goes first."""
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False) + '\n'
    with open(path, 'a+b') as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        content = file.read()
        end = content.rfind(b'\n') + 1
        if end < size:
            file.truncate(end)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
