# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What is wrong with a config, said before anything is built from it."""

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import LOOPS, OPTIMIZERS

from mmocr_wsss.labels import foreground_classes

from .config_edits import LOADERS, nodes
from .dataset_edits import dataset_classes

#: Keys of whole numbers -> the smallest one; -1 switches off what says so.
_INTEGERS = {
    **{f'{loader}.batch_size': 1 for loader in LOADERS},
    **{f'{loader}.num_workers': 0 for loader in LOADERS},
    'train_cfg.max_iters': 1,
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
    'optim_wrapper.accumulative_counts': 1,
    'randomness.seed': 0,
}
_MAY_BE_OFF = 'default_hooks.checkpoint.interval'
#: Parts of a segmenter with a score per class and pixel.
_HEADS = ('decode_head', 'auxiliary_head')
_A_CONFIG = (
    "Configs are Python files that set variables, with _base_ = 'OTHER.py' for what they inherit."
)
#: MMEngine looks for a distribution of the original name, which the maintained family has not.
_FOREIGN = re.compile(r'(mmsegmentation|mmpretrain) is not installed, please install')
_FOREIGN_BASE = (
    "Do not install it beside the maintained packages, with which _base_ = 'mmseg::...' does not "
    "work. Write _base_ = __import__('mmseg').__path__[0] + '/.mim/configs/...', likewise for "
    'mmpretrain.'
)


def read_config(path: str) -> Config:
    """Read a config file.

    Raises:
        ValueError: it is no config; says what its reader says.
    """
    try:
        return Config.fromfile(path)
    except FileNotFoundError:
        raise
    # A config is a program: it fails in every way that programs can.
    except Exception as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        way_out = _FOREIGN_BASE if _FOREIGN.match(reason) else _A_CONFIG
        raise ValueError(
            f'{path} cannot be read as a config ({type(error).__name__}: {reason}). {way_out}'
        ) from error


def check_config(cfg: Config) -> None:
    """Refuse what would end deep inside of the hosts, or train something else than it says.

    Raises:
        ValueError: names the key, the rule, the value and the way out.
    """
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(
            f'{cfg.filename}: a config must have model=dict(...), got {cfg.get("model")!r}. '
            'Inherit one of configs/, or name the network.'
        )
    check_settings(cfg)
    for key, node in _parts(cfg.model, 'model'):
        if str(node.get('type')).split('.')[-1] == 'CrossEntropyLoss':
            _check_cross_entropy(key, node)
    _check_number_of_classes(cfg)


def check_settings(cfg: Config) -> None:
    """Refuse numbers out of range, and settings of loops that they do not have.

    Raises:
        ValueError: names the key, the rule, the value and the way out.
    """
    _check_numbers(cfg)
    for key in ('train_cfg', 'val_cfg', 'test_cfg'):
        node = cfg.get(key) or {}
        with LOOPS.switch_scope_and_registry(None) as registry:
            loop = registry.get(node['type']) if isinstance(node.get('type'), str) else None
        if loop is None:
            continue
        known = inspect.signature(loop).parameters
        settings = [name for name in known if name not in ('runner', 'dataloader')]
        for name in node:
            if name not in [*settings, 'type'] and 'kwargs' not in known:
                raise ValueError(
                    f'{key}.{name}: {node["type"]} has no such setting; it has '
                    f'{", ".join(settings)}.'
                )


def check_optimizer(cfg: Config) -> None:
    """Refuse an optimiser that nobody registered; the runner, which sets the scope, is built.

    Raises:
        ValueError: names it.
    """
    kind = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
    with OPTIMIZERS.switch_scope_and_registry(None) as registry:
        if isinstance(kind, str) and registry.get(kind) is None:
            raise ValueError(
                f'optim_wrapper.optimizer.type must be one of torch or a registered one, '
                f'got {kind!r}. Try SGD or AdamW.'
            )


def set_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Set what ``--cfg-options`` says.

    Raises:
        ValueError: there is no such place in the config.
    """
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError, ValueError) as error:
            reason = str(error.args[0] if error.args else error).partition('[{')[0]
            raise ValueError(
                f'--cfg-options {key}={value}: the config has no such place ({reason:.200}). Look '
                f'at the keys of {cfg.filename} and of what it inherits.'
            ) from error


def _check_numbers(cfg: Config) -> None:
    for key, least in _INTEGERS.items():
        value = _get(cfg, key)
        if value is None or (key == _MAY_BE_OFF and value == -1):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f'{key} must be an integer of at least {least}, got {value!r}.')
    rate = _get(cfg, 'optim_wrapper.optimizer.lr')
    if rate is not None and not (isinstance(rate, (int, float)) and 0 <= rate < math.inf):
        raise ValueError(
            f'optim_wrapper.optimizer.lr must be a finite number of at least 0, got {rate!r}.'
        )
    for loader in LOADERS:
        part = cfg.get(loader) or {}
        if part.get('persistent_workers') and not part.get('num_workers'):
            raise ValueError(
                f'{loader}.persistent_workers=True needs {loader}.num_workers of at least 1, got '
                f'{part.get("num_workers", 0)}. Set --cfg-options {loader}.persistent_workers=False'
            )


def _get(cfg: Config, key: str) -> Any:
    """The value at a dotted key; None: not there."""
    node: Any = cfg
    for name in key.split('.'):
        node = node.get(name) if isinstance(node, Mapping | Config) else None
    return node


def _check_cross_entropy(key: str, node: dict) -> None:
    plain = not (node.get('use_sigmoid') or node.get('use_mask'))
    if plain and node.get('class_weight') is not None and node.get('avg_non_ignore'):
        raise ValueError(
            f'{key}: CrossEntropyLoss of mmseg cannot have class_weight and avg_non_ignore=True '
            'together: it fails in the first step. Take avg_non_ignore=False: '
            'with class_weight it averages over pixels that are not ignored anyway.'
        )


def _check_number_of_classes(cfg: Config) -> None:
    names = {
        loader: len(foreground_classes(dataset_classes(node))) + 1
        for loader in LOADERS
        for node in nodes((cfg.get(loader) or {}).get('dataset'))
        if dataset_classes(node)
    }
    for key, node in _parts(cfg.model, 'model'):
        if 'num_classes' not in node or key.split('.')[1:2] not in [[head] for head in _HEADS]:
            continue
        _check_class_weights(key, node)
        for loader, expected in names.items():
            if node['num_classes'] != expected:
                raise ValueError(
                    f'{key}.num_classes must be {expected}, for the classes of {loader} and the '
                    f'background, got {node["num_classes"]!r}. Change one of them: --cfg-options '
                    f'{key}.num_classes={expected}, or the classes of the dataset.'
                )


def _check_class_weights(key: str, head: dict) -> None:
    for place, loss in _parts(head.get('loss_decode'), f'{key}.loss_decode'):
        weights, expected = loss.get('class_weight'), head['num_classes']
        if isinstance(weights, (list, tuple)) and len(weights) != expected:
            raise ValueError(
                f'{place}.class_weight must have a number per class, {expected} with the '
                f'background, got {len(weights)}.'
            )


def _parts(node: Any, key: str) -> Iterator[tuple[str, dict]]:
    """Every dict at any depth, with the key that leads to it."""
    if isinstance(node, dict):
        yield key, node
        for name, child in node.items():
            yield from _parts(child, f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _parts(child, f'{key}.{index}')
