"""The data set of this project, for the transforms of mmseg."""

from pathlib import Path

from mmengine.dataset import BaseDataset

from orchard.registry import DATASETS


@DATASETS.register_module()
class OrchardPhotos(BaseDataset):
    """``photos/ID.png`` with ``noisy_masks/ID.png``."""

    METAINFO = dict(
        classes=('background', 'apple', 'leaf', 'plum'),
        palette=[[0, 0, 0], [200, 30, 30], [40, 160, 60], [110, 50, 150]],
    )

    def load_data_list(self) -> list[dict]:
        root = Path(self.data_root)
        fixed = dict(reduce_zero_label=False, label_map=None)
        return [
            dict(
                img_path=str(path),
                seg_map_path=str(root / 'noisy_masks' / path.name),
                seg_fields=[],
                **fixed,
            )
            for path in sorted((root / 'photos').glob('*.png'))
        ]
