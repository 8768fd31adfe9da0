# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Making CAMs: the test loop against a plain loop over images, scales and flips.

The plain loop does what the published scripts do: it opens an image, resizes it
with Pillow, sends one scale and one flip at a time through the network in float32,
with the dense pixel correlation matrix (SEAM) or all attention maps stacked
(MCTformer), resizes the maps of all classes, sums, normalises and saves them. Ours is
the test loop of the config on the same files and weights (random ones), data loading,
merging and writing included. Each run is a process of its own; the first image warms up.

1. Images per second and peak memory of both, and the largest difference of the maps.
2. Extra memory of the pixel correlation at scale 2, dense and in columns.
3. Where the time of ours goes (--profile).

Example:
    python benchmarks/cam.py
    python benchmarks/cam.py --methods mctformer_v2 --precisions float32 bfloat16 --images 3
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from process_memory import in_child, read_status, reset_peak

from mmocr_wsss.labels import CLASS_SETS

CONFIGS = {'seam': 'cam/seam_r38_voc.py', 'mctformer_v2': 'cam/mctformer_v2_voc.py'}
SCALES = (0.5, 1.0, 1.5, 2.0)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TAGS = ('cat', 'person')


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--methods', nargs='+', choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument(
        '--precisions', nargs='+', choices=['float32', 'bfloat16'], default=['float32'],
        help='of ours; the plain loop is float32',
    )  # fmt: skip
    parser.add_argument('--images', type=int, default=1, help='timed images, after one warm-up')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(500, 375), metavar=('WIDTH', 'HEIGHT')
    )
    parser.add_argument('--width-mult', type=float, default=1.0, help='of the R38 backbone')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--profile', action='store_true', help='operators of one image of ours')
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    return parser.parse_args()


def write_photos(root, size, count):
    """Smooth random photos, a small one first (it warms up), with two tags each."""
    rng = np.random.default_rng(0)
    (root / 'JPEGImages').mkdir(parents=True)
    ids = [f'photo_{number}' for number in range(count + 1)]
    for number, image_id in enumerate(ids):
        coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        extent = tuple(size) if number else (64, 48)
        photo = Image.fromarray(coarse).resize(extent, Image.BICUBIC)
        photo.save(root / 'JPEGImages' / f'{image_id}.jpg', quality=95)
    (root / 'ids.txt').write_text('\n'.join(ids) + '\n')
    (root / 'tags.json').write_text(json.dumps(dict.fromkeys(ids, TAGS)))
    return ids


def config(method, root, work_dir, precision, width_mult):
    """The shipped config on the photos, without pretrained weights."""
    from mmengine.config import Config

    from mmocr_wsss import config_path

    cfg = Config.fromfile(config_path(CONFIGS[method]))
    cfg.model.backbone.init_cfg = None
    if width_mult != 1.0 and method == 'seam':
        cfg.model.backbone.width_mult = width_mult
        cfg.model.head.in_channels = int(4096 * width_mult)
        cfg.model.head.correlation.update(
            conv4_channels=int(512 * width_mult), conv5_channels=int(1024 * width_mult)
        )
    loader = cfg.test_dataloader
    loader.update(num_workers=1, persistent_workers=False)
    loader.dataset.update(
        data_root=str(root), ann_file='ids.txt', tags='tags.json',
        data_prefix=dict(img_path='JPEGImages'),
    )  # fmt: skip
    loader.dataset.pipeline[-1].scales = SCALES
    cfg.test_cfg.precision = precision
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'WARNING'
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg.pop(key)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key)
    cfg.custom_hooks = []
    return cfg


def build(cfg):
    """The runner with weights that depend on nothing but the config."""
    from mmengine.runner import Runner

    runner = Runner.from_cfg(cfg)
    torch.manual_seed(0)
    runner.model.init_weights()
    return runner


def run_ours(method, root, precision, args, queue):
    """Times of the test loop; keeps the float32 maps for the comparison."""
    warnings.simplefilter('ignore')  # of the hosts
    from mmengine.hooks import Hook

    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        runner = build(config(method, root, folder, precision, args.width_mult))
        maps, marks = {}, []

        class Watch(Hook):
            def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                for sample in outputs:
                    maps[sample.img_id] = sample.cam.numpy().copy()
                marks.append(time.perf_counter())
                if len(marks) == 1:
                    marks.append(reset_peak())

        runner.register_hook(Watch())
        if args.profile:
            with torch.profiler.profile() as profiler:
                runner.test()
            print_shares(f'{method}, {precision}', profiler.key_averages())
        else:
            runner.test()
    seconds = (marks[-1] - marks[0]) / args.images
    queue.put((seconds, read_status('VmHWM') - marks[1], maps))


def print_shares(title, events, rows=8):
    """The operators that take most of the time of this process, waiting for data included."""
    total = sum(event.self_cpu_time_total for event in events)
    print(f'{title}: {total / 1e6:.1f} s in operators, of it')
    for event in sorted(events, key=lambda event: -event.self_cpu_time_total)[:rows]:
        share = event.self_cpu_time_total / total
        print(f'  {share:6.1%}  {event.key[:60]} ({event.count} calls)')


def run_plain(method, root, args, queue):
    """Times of the plain loop over the same files."""
    warnings.simplefilter('ignore')
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        runner = build(config(method, root, folder, 'float32', args.width_mult))
        model = runner.model.eval()
        maps, start, before = {}, None, None
        for image_id in (root / 'ids.txt').read_text().split():
            maps[image_id] = plain_cam(model, method, root / 'JPEGImages' / f'{image_id}.jpg')
            np.save(os.path.join(folder, image_id), dict(enumerate(maps[image_id])))
            if start is None:
                start, before = time.perf_counter(), reset_peak()
    seconds = (time.perf_counter() - start) / args.images
    queue.put((seconds, read_status('VmHWM') - before, maps))


@torch.no_grad()
def plain_cam(model, method, path):
    """(k, H, W) of one image, view after view."""
    image = Image.open(path).convert('RGB')
    width, height = image.size
    tags = torch.zeros(len(CLASS_SETS['voc']), 1, 1)
    tags[[CLASS_SETS['voc'].index(name) for name in TAGS]] = 1
    forward = {'seam': plain_seam, 'mctformer_v2': plain_mctformer}[method]
    total = 0
    for scale in SCALES:
        scaled = image.resize((round(width * scale), round(height * scale)), Image.BICUBIC)
        view = (np.asarray(scaled, np.float32) / 255 - MEAN) / STD
        view = torch.from_numpy(view.astype(np.float32)).permute(2, 0, 1)[None].contiguous()
        for flip in (False, True):
            maps = forward(model, view.flip(-1) if flip else view)
            maps = F.interpolate(maps, (height, width), mode='bilinear', align_corners=False)[0]
            maps = maps * tags
            total = total + (maps.flip(-1) if flip else maps)
    return plain_normalise(method, total[tags[:, 0, 0] > 0]).numpy()


def plain_normalise(method, maps):
    low, high = (getattr(maps, f)(dim=(1, 2), keepdim=True) for f in ('amin', 'amax'))
    if method == 'mctformer_v2':
        return (maps - low) / (high - low + 1e-8)
    maps = maps.clamp(min=0)
    low, high = (getattr(maps, f)(dim=(1, 2), keepdim=True) for f in ('amin', 'amax'))
    maps = torch.where(maps < low + 1e-5, 0, maps)
    return (maps - low - 1e-5) / (high - low + 1e-5)


def plain_seam(model, image):
    """Refined maps of all classes at the size of the image, by the dense matrix."""
    from mmocr_wsss.functional import seam

    conv4, conv5, conv6 = model.extract_feat(image)
    logits = model.head.classifier(conv6)
    features = model.head.correlation.features(image, conv4, conv5)
    scores = seam.correlation_scores(logits)
    refined = dense_correlation(scores, model.head.correlation.embed(features))
    return F.interpolate(refined, image.shape[-2:], mode='bilinear', align_corners=True)[:, 1:]


def dense_correlation(scores, features):
    """The pixel correlation by its whole (M, M) matrix."""
    height, width = features.shape[-2:]
    features = features.flatten(2)
    features = features / (features.norm(dim=1, keepdim=True) + 1e-5)
    affinity = F.relu(features.transpose(1, 2) @ features)
    affinity = affinity / (affinity.sum(dim=1, keepdim=True) + 1e-5)
    return (scores.flatten(2) @ affinity).unflatten(2, (height, width))


def plain_mctformer(model, image):
    """Fused, refined maps of all classes on the patches, all attention maps stacked."""
    backbone, classes = model.backbone, model.backbone.num_classes
    tokens, size = backbone.embed(image)
    weights = []
    for layer in backbone.layers:
        attention = layer.attn
        qkv = attention.qkv(layer.ln1(tokens)).unflatten(-1, (3, attention.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        one = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(dim=-1)
        weights.append(one)
        tokens = tokens + attention.proj((one @ value).transpose(1, 2).flatten(2))
        tokens = layer.ffn(layer.ln2(tokens), identity=tokens)
    weights = torch.stack(weights).mean(dim=2)  # (L, N, T, T)
    maps = weights[-model.last_layers :].sum(dim=0)[:, :classes, classes:].unflatten(2, size)
    patches = tokens[:, classes:].transpose(1, 2).unflatten(2, size)
    maps = maps * model.head.patch_maps((None, patches)).relu()
    affinity = weights[:, :, classes:, classes:].sum(dim=0)
    refined = affinity[:, None] @ maps.flatten(2)[..., None]
    return refined.squeeze(-1).unflatten(2, size)


def correlation_memory(kind, size, threads, queue):
    """Seconds and extra KiB of the pixel correlation of one image at scale 2."""
    from mmocr_wsss.functional.seam import pixel_correlation

    torch.set_num_threads(threads)
    height, width = (-(-2 * side // 8) for side in reversed(size))
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(1, 21, height, width, generator=generator)
    features = torch.randn(1, 192, height, width, generator=generator)
    with torch.no_grad():
        pixel_correlation(scores[..., :8, :8], features[..., :8, :8], columns=512)
        before, start = reset_peak(), time.perf_counter()
        if kind == 'dense':
            out = dense_correlation(scores, features)
        else:
            out = pixel_correlation(scores, features, columns=512)
        seconds = time.perf_counter() - start
    queue.put((seconds, read_status('VmHWM') - before, out.numpy()))


def benchmark_method(method, args):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'data'
        write_photos(root, args.size, args.images)
        rows = []
        plain_seconds, plain_peak, plain_maps = in_child(run_plain, method, root, args)
        print(f'{method:14} plain loop  float32 : {report(plain_seconds, plain_peak)}', flush=True)
        for precision in args.precisions:
            seconds, peak, maps = in_child(run_ours, method, root, precision, args)
            pairs = [(maps[name], plain_maps[name]) for name in plain_maps]
            worst = max(float(np.abs(a - b).max()) for a, b in pairs)
            mean = float(np.mean([np.abs(a - b).mean() for a, b in pairs]))
            row = dict(
                method=method, precision=precision, seconds=seconds, peak_mib=peak / 1024,
                plain_seconds=plain_seconds, plain_peak_mib=plain_peak / 1024,
                speed_ratio=plain_seconds / seconds, max_difference=worst, mean_difference=mean,
            )  # fmt: skip
            rows.append(row)
            memory = peak / max(plain_peak, 1)
            print(
                f'{method:14} test loop  {precision:8}: {report(seconds, peak)}, '
                f'{row["speed_ratio"]:.2f} x as fast, {memory:.2f} x the memory, '
                f'maps differ by {worst:.1e} at most, {mean:.1e} on average',
                flush=True,
            )
    return rows


def report(seconds, peak):
    return f'{1 / seconds:.4f} images/s ({seconds:.1f} s), peak +{peak / 1024:.0f} MiB'


def benchmark_correlation(args):
    (dense_s, dense, expected), (ours_s, ours, out) = (
        in_child(correlation_memory, kind, args.size, args.threads) for kind in ('dense', 'columns')
    )
    worst = float(np.abs(out - expected).max())
    print(
        f'pixel correlation at scale 2: dense +{dense / 1024:.0f} MiB, {dense_s:.2f} s; in columns '
        f'+{ours / 1024:.0f} MiB, {ours_s:.2f} s: 1/{dense / ours:.1f} of the memory, outputs '
        f'differ by {worst:.1e}'
    )
    return dict(
        dense_mib=dense / 1024, columns_mib=ours / 1024, memory_ratio=ours / dense,
        dense_seconds=dense_s, columns_seconds=ours_s, max_difference=worst,
    )  # fmt: skip


def main():
    args = parse_args()
    print(f'photos of {args.size[0]} x {args.size[1]}, scales {SCALES} with flips, '
          f'{args.threads} threads, torch {torch.__version__}')  # fmt: skip
    result = dict(torch=torch.__version__, threads=args.threads, size=list(args.size), rows=[])
    if 'seam' in args.methods:
        result['pixel_correlation'] = benchmark_correlation(args)
    for method in args.methods:
        result['rows'] += benchmark_method(method, args)
    if args.out:
        with open(args.out, 'w') as file:
            json.dump(result, file, indent=1)


if __name__ == '__main__':
    main()
