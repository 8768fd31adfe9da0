# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Write the CAMs that a test loop makes, one file per image."""

import os

from mmengine.dist import barrier, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmocr_wsss.cam_files import (
    cam_path,
    open_cam_folder,
    read_stage,
    require_same_stage,
    write_cam,
)
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class CAMDumper(BaseMetric):
    """Evaluator of ``mmocr_wsss.CAMLoop``: writes ``OUT_DIR/ID.npz`` on the rank that made it.

    Only file names are gathered across ranks. Every file appears at once and
    whole, so a folder that a killed run left behind holds finished images only.

    Args:
        out_dir: folder of the files; None: ``cams`` in the work folder of the run.
        **kwargs: as for mmengine's ``BaseMetric``.

    Reports ``cam/written``, the number of files written by this run.
    """

    default_prefix = 'cam'

    def __init__(self, out_dir: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.out_dir = out_dir

    def open(self, work_dir: str, stage: dict) -> None:
        """Prepare the folder; call once on every rank before :meth:`is_finished`.

        Temporary files that a killed run left there are removed, also from subfolders
        (ids may hold folders); nobody else may be writing to the folder.

        Args:
            work_dir: work folder of the run.
            stage: what the files are made from and how; stands in ``stage.json``.

        Raises:
            ValueError: the folder holds CAMs that were made otherwise.
        """
        if self.out_dir is None:
            self.out_dir = os.path.join(work_dir, 'cams')
        require_same_stage(self.out_dir, stage, option='--out FOLDER')
        barrier()
        if is_main_process():
            open_cam_folder(self.out_dir, stage)
            threshold = read_stage(self.out_dir)['background_threshold']
            print_log(f'background threshold for later steps: {threshold}', 'current')
        barrier()

    def is_finished(self, image_id: str) -> bool:
        """Whether the file of an image is there."""
        return os.path.isfile(cam_path(self.out_dir, image_id))

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Write the files of a batch.

        Args:
            data_batch: not used.
            data_samples: dicts with ``cam`` (k, h, w), ``class_ids`` (k,) and the
                metainfo ``img_id`` and ``ori_shape``.
        """
        for sample in data_samples:
            path = cam_path(self.out_dir, sample['img_id'])
            cam, class_ids = (sample[key].cpu().numpy() for key in ('cam', 'class_ids'))
            write_cam(path, cam, class_ids, sample['ori_shape'])
            self.results.append(sample['img_id'])

    def compute_metrics(self, results: list[str]) -> dict[str, int]:
        """Count the images of all ranks."""
        return dict(written=len(set(results)))
