# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Write what a test loop makes, one file per image."""

import os
from abc import abstractmethod
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmocr_wsss.stage_files import image_file, open_stage_folder, read_stage, require_same_stage


class ImageFileDumper(BaseMetric):
    """Evaluator of an ``ImageFileLoop``: writes ``OUT_DIR/ID.ext`` on the rank that made it.

    Only file names are gathered across ranks. Every file appears at once and
    whole, so a folder that a killed run left behind holds finished images only.

    Args:
        out_dir: folder of the files; None: :attr:`default_folder` in the work folder
            of the run.
        **kwargs: as for mmengine's ``BaseMetric``.

    Reports ``written``, the number of images of this run.
    """

    #: Ending of the files, and the folder's name unless one is given.
    suffix = ''
    default_folder = ''

    def __init__(self, out_dir: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.out_dir = out_dir

    @abstractmethod
    def write(self, path: Path, sample: dict) -> None:
        """Write the file of an image.

        Args:
            path: to write to.
            sample: the data sample that the loop completed, as a dict.
        """

    def open(self, work_dir: str, stage: dict) -> None:
        """Prepare the folder; call once on every rank before :meth:`is_finished`.

        Temporary files that a killed run left there are removed, also from subfolders
        (ids may hold folders); nobody else may be writing to the folder.

        Args:
            work_dir: work folder of the run.
            stage: what the files are made from and how; stands in ``stage.json``.

        Raises:
            ValueError: the folder holds files that were made otherwise.
        """
        if self.out_dir is None:
            self.out_dir = os.path.join(work_dir, self.default_folder)
        require_same_stage(self.out_dir, stage, option='--out FOLDER', suffix=self.suffix)
        barrier()
        if is_main_process():
            open_stage_folder(self.out_dir, stage)
            threshold = read_stage(self.out_dir)['background_threshold']
            print_log(f'background threshold for later steps: {threshold}', 'current')
        barrier()

    @property
    def folder(self) -> Path:
        """The folder of the files; without ``out_dir`` there is none before :meth:`open`."""
        assert self.out_dir is not None, 'the loop calls open() first'
        return Path(self.out_dir)

    def path(self, image_id: str) -> Path:
        """The file of an image."""
        return image_file(self.folder, image_id, self.suffix)

    def is_finished(self, image_id: str) -> bool:
        """Whether the file of an image is there."""
        return self.path(image_id).is_file()

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Write the files of a batch; ``data_batch`` is not used."""
        for sample in data_samples:
            self.write(self.path(sample['img_id']), sample)
            self.results.append(sample['img_id'])

    def compute_metrics(self, results: list[str]) -> dict[str, int]:
        """Count the images of all ranks."""
        return dict(written=len(set(results)))
