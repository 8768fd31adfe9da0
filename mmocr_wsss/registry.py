# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Registries of the scope ``mmocr_wsss``, children of MMEngine's roots.

A config type ``'mmocr_wsss.X'`` makes MMEngine import this module and then the
``locations``, so no ``custom_imports`` is needed. This file must import
nothing but mmengine: MMEngine turns an ImportError raised here into a
misleading "X is not in the registry".
"""

from mmengine import registry as root
from mmengine.registry import Registry

MODELS = Registry('model', parent=root.MODELS, scope='mmocr_wsss', locations=['mmocr_wsss.models'])
DATASETS = Registry(
    'dataset', parent=root.DATASETS, scope='mmocr_wsss', locations=['mmocr_wsss.datasets']
)
TRANSFORMS = Registry(
    'transform',
    parent=root.TRANSFORMS,
    scope='mmocr_wsss',
    locations=['mmocr_wsss.datasets.transforms'],
)
METRICS = Registry(
    'metric', parent=root.METRICS, scope='mmocr_wsss', locations=['mmocr_wsss.evaluation']
)
HOOKS = Registry(
    'hook',
    parent=root.HOOKS,
    scope='mmocr_wsss',
    locations=['mmocr_wsss.engine', 'mmocr_wsss.visualization'],
)
OPTIM_WRAPPERS = Registry(
    'optim_wrapper',
    parent=root.OPTIM_WRAPPERS,
    scope='mmocr_wsss',
    locations=['mmocr_wsss.engine'],
)
LOOPS = Registry('loop', parent=root.LOOPS, scope='mmocr_wsss', locations=['mmocr_wsss.engine'])
PARAM_SCHEDULERS = Registry(
    'parameter scheduler',
    parent=root.PARAM_SCHEDULERS,
    scope='mmocr_wsss',
    locations=['mmocr_wsss.engine'],
)
DATA_SAMPLERS = Registry(
    'data sampler', parent=root.DATA_SAMPLERS, scope='mmocr_wsss', locations=['mmocr_wsss.engine']
)
