"""Types of this project: 'orchard.X' in a config.

Children of MMEngine's registries with ``locations`` need no custom_imports: MMEngine imports this
module for the prefix, and what ``locations`` names for the classes.
"""

from mmengine import registry as root
from mmengine.registry import Registry

DATASETS = Registry('dataset', parent=root.DATASETS, scope='orchard', locations=['orchard.photos'])
