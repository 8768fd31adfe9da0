"""Train a config of this project.

python tools/train.py configs/seam_oc.py --cfg-options train_cfg.max_iters=100
"""

import argparse
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.runner import Runner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=Path)
    parser.add_argument('--work-dir', default=None)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    args = parser.parse_args()
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    cfg.work_dir = args.work_dir or f'work_dirs/{args.config.stem}'
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    main()
