# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files from the test loop."""

from pathlib import Path

from mmocr_wsss.cam_files import write_cam
from mmocr_wsss.evaluation.image_file_dumper import ImageFileDumper
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class CAMDumper(ImageFileDumper):
    """Evaluator of ``mmocr_wsss.CAMLoop``: writes CAM files ``OUT_DIR/ID.npz``.

    Args: those of ``ImageFileDumper``; the default folder is ``cams``.

    Reports ``cam/written``.
    """

    default_prefix = 'cam'
    default_folder = 'cams'
    suffix = '.npz'

    def write(self, path: Path, sample: dict) -> None:
        """Write ``cam`` (k, h, w), ``class_ids`` (k,) and ``ori_shape`` of a sample."""
        cam, class_ids = (sample[key].cpu().numpy() for key in ('cam', 'class_ids'))
        write_cam(path, cam, class_ids, sample['ori_shape'])
