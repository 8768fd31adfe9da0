# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which errors are told in words instead of a stack trace, standard library only.

Told are those that whoever runs a tool can mend: files, folders, disks, memory, a config, and
every ValueError or TypeError that our own code raised. All others are bugs and keep their trace.
"""

import errno
import re
import traceback
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
#: What builds the parts of a config: errors on the way through it are about what the config says.
_BUILDERS = re.compile(r'/mmengine/(registry|config)/|/mmengine/optim/.*(builder|constructor)\.py$')
#: MMEngine's own objections to settings.
_OBJECTORS = re.compile(r'/mmengine/(hooks|runner|dataset|evaluator)/')
#: Where photos are decoded.
_PHOTO_READERS = re.compile(r'/mmcv/(transforms/loading|image/io)\.py$')
_SETTINGS = (KeyError, ValueError, TypeError, AssertionError, ImportError)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
    errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip
_CAUGHT = re.compile(r'Caught (\w+) in DataLoader worker process')
_FRAME = re.compile(r'^ *File "(.+)", line \d+, in ', re.MULTILINE)


def explain(error: BaseException) -> str | None:
    """What to tell; None: nobody foresaw the error, so its stack trace is wanted.

    Args:
        error: caught where a tool ends, with its traceback.
    """
    if isinstance(error, OSError):
        return _file_error(error)
    text = str(error)
    if caught := _CAUGHT.match(text):
        return _from_worker(text, caught[1])
    if isinstance(error, RuntimeError) and 'DataLoader worker (pid' in text:
        return (
            f'{_worker(text)}. Something outside of this program ended it, mostly the system for '
            'want of memory (`dmesg` says so). Take fewer or none: --cfg-options '
            'train_dataloader.num_workers=0 train_dataloader.persistent_workers=False, likewise '
            'for val_dataloader and test_dataloader, or a smaller batch_size.'
        )
    if isinstance(error, MemoryError) or type(error).__name__ == 'OutOfMemoryError':
        return (
            f'not enough memory: {text or type(error).__name__}. Take a smaller batch '
            '(train_dataloader.batch_size), smaller photos or fewer processes.'
        )
    if isinstance(error, (ValueError, TypeError)) and _is_ours(error):
        return text
    if _PHOTO_READERS.search(_innermost(error)):
        return _photo(text)
    if _is_about_config(error):
        reason = error.args[0] if isinstance(error, KeyError) and error.args else text
        return (
            f'the config cannot be used: {reason or type(error).__name__}{_built(error)}\n'
            'Look for these names in the config, in what it inherits and in --cfg-options; with '
            'MMOCR_WSSS_TRACE=1 in the environment there is a stack trace.'
        )
    return None


def _file_error(error: OSError) -> str | None:
    path = f'{error.filename!r}' if error.filename else None
    if isinstance(error, FileNotFoundError):
        return f'there is no file {path}' if path else str(error)
    if error.errno in _FULL:
        return (
            f'{path or "a file"} cannot be written: {error.strerror}. Make room, or write to '
            'another disk; what was finished is kept, the same command goes on (training: with '
            '--resume).'
        )
    if error.errno in _REFUSED and path:
        return (
            f'{path} cannot be used: {error.strerror}. Check who owns it and whether it is a file '
            'or a folder, or choose another path.'
        )
    return str(error) if _is_ours(error) else None


def _worker(text: str) -> str:
    found = re.search(r'DataLoader worker \(pid[^)]*\)+ [^.:]*', text)
    return found.group().strip() if found else 'a DataLoader worker has ended'


def _from_worker(text: str, kind: str) -> str | None:
    """The message of an error that torch raises anew, with the trace of the worker in its text."""
    frames = list(_FRAME.finditer(text))
    ours = frames and PACKAGE in Path(frames[-1][1]).resolve().parents
    photo = bool(frames and _PHOTO_READERS.search(frames[-1][1]))
    readable = kind in ('FileNotFoundError', 'PermissionError', 'MemoryError')
    if not (photo or readable or (ours and kind in ('ValueError', 'TypeError'))):
        return None
    # Below the last frame come its line of code, marks, and then the error.
    message = re.search(rf'^(?:\w+\.)*{kind}: ?(.*)', text[frames[-1].end() :], re.M | re.S)
    found = message[1].strip() if message else None
    return _photo(found) if photo and found else found


def _photo(reason: str) -> str:
    return (
        f'a photo cannot be read: {reason}. Mend it or take its id out of the list; '
        'tools/analysis/browse_dataset.py --split val, or train, looks at the photos.'
    )


def _innermost(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename if frames else ''


def _chain(error: BaseException | None):
    """The error and those that it replaced."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_ours(error: BaseException) -> bool:
    """Whether the innermost frame of the error, or of one it replaced, lies in this package."""
    return any(PACKAGE in Path(_innermost(one)).resolve().parents for one in _chain(error))


def _is_about_config(error: BaseException) -> bool:
    """Whether MMEngine built something from the config, or objected to a setting."""
    places = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return isinstance(error, _SETTINGS) and (
        any(map(_BUILDERS.search, places)) or bool(_OBJECTORS.search(places[-1]))
    )


def _built(error: BaseException) -> str:
    """Which class was being built, the innermost one."""
    name = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = getattr(frame.f_locals.get('obj_cls'), '__name__', name)
    return f' (while building {name})' if name else ''
