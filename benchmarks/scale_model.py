# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a stage of a pipeline costs on a number of GPUs: arithmetic alone, no networks, no files.

Times are in seconds, work of networks in GFLOP (two per multiply-add), work of the CPU in
seconds of one core, disk in bytes. What a machine can do stands in :class:`Assumed`.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


def assumption(default: float, help: str) -> float:
    """A field of :class:`Assumed`, which is an option of the command line too."""
    return field(default=default, metadata=dict(help=help))


@dataclass(frozen=True)
class Assumed:
    """What a machine can do, and what photos and files are like."""

    tflops: float = assumption(10, 'TFLOP/s that a GPU reaches in float32')
    gpus_per_node: int = assumption(8, 'GPUs of a node')
    cores: int = assumption(32, 'CPU cores of a node')
    workers: int = assumption(4, 'processes per GPU that load data')
    link: float = assumption(10, 'GB/s between the GPUs of a node')
    network: float = assumption(1.25, 'GB/s between nodes')
    disk: float = assumption(0.5, 'GB/s of the disk, for all nodes together')
    start: float = assumption(30, 's from a command to its first step')
    list_file: float = assumption(0.001, 'core s to look at a file when a stage starts')
    load: float = assumption(0.1, 'core s per megapixel of a crop or photo: decode, augment')
    crf_photo: float = assumption(0.9, 'core s per megapixel of a dense CRF')
    crf_label: float = assumption(0.02, 'core s per megapixel, label and step of a dense CRF')
    pack: float = assumption(20, 'million values per core s, into an .npz')
    score: float = assumption(0.08, 'core s per megapixel to score a mask or CAMs')
    jpeg_bytes: float = assumption(0.55, 'bytes per pixel of a photo')
    cam_bytes: float = assumption(1.5, 'bytes per value of a CAM file')
    crf_bytes: float = assumption(0.7, 'bytes per value of a file of CRF scores')
    mask_bytes: float = assumption(0.022, 'bytes per pixel of a mask')


class Worked(NamedTuple):
    """Seconds of a part of a stage, GPUs that it keeps busy, what it waits for ('' if nothing)."""

    seconds: float
    used: int
    limit: str


@dataclass(frozen=True)
class Photos:
    """Photo after photo through a network, shared out over the GPUs.

    gflop: of all views of one photo. host: core seconds that the GPU's own process spends on
    it, with the GPU idle. loaded: megapixels that the loaders prepare.
    repeats: over the same photos.
    """

    photos: int
    gflop: float
    loaded: float
    host: float = 0.0
    photo_bytes: float = 0.0
    repeats: int = 1
    starts: int = 1

    def work(self, gpus: int, assumed: Assumed) -> Worked:
        compute = self.gflop / (1e3 * assumed.tflops)
        used = min(gpus, self.photos)
        waits = {
            '' if compute >= self.host else 'CPU of the process': compute + self.host,
            'loading': self.loaded * assumed.load / loaders(gpus, assumed),
            'disk': used * self.photo_bytes / (1e9 * assumed.disk),
        }
        limit = max(waits, key=lambda name: waits[name])
        share = -(-self.photos // used) * self.repeats
        return Worked(self.starts * assumed.start + share * waits[limit], used, limit)


@dataclass(frozen=True)
class Training:
    """Updates of a fixed number of images each, shared out evenly over the GPUs.

    gflop: forward of one image; a step takes three. trained: parameters with a gradient.
    crop: megapixels. sample_bytes: read for an image. listed: files looked at before the
    first step. validation: in between, all rounds.
    """

    iterations: int
    batch: int
    gflop: float
    trained: int
    crop: float
    sample_bytes: float = 0.0
    listed: int = 0
    validation: Photos | None = None

    def step(self, gpus: int, assumed: Assumed) -> tuple[float, str]:
        """Seconds of an update, and what it waits for."""
        images = self.batch // gpus
        compute = images * 3 * self.gflop / (1e3 * assumed.tflops)
        reduce = all_reduce(4 * self.trained, gpus, assumed)
        waits = {
            'all-reduce' if reduce > compute else '': compute + reduce,
            'loading': images * self.crop * assumed.load / loaders(gpus, assumed),
            'disk': self.batch * self.sample_bytes / (1e9 * assumed.disk),
        }
        limit = max(waits, key=lambda name: waits[name])
        return waits[limit], limit

    def on(self, gpus: int, assumed: Assumed) -> Worked:
        """On exactly so many GPUs; the images per update must divide by them."""
        step, limit = self.step(gpus, assumed)
        seconds = self.iterations * step
        between = self.validation.work(gpus, assumed).seconds if self.validation else 0.0
        start = assumed.start + self.listed * assumed.list_file
        return Worked(start + seconds + between, gpus, 'validation' if between > seconds else limit)

    def work(self, gpus: int, assumed: Assumed) -> Worked:
        """On the number of GPUs that is fastest, ``gpus`` at most."""
        fits = [count for count in range(1, gpus + 1) if self.batch % count == 0]
        best = min((self.on(count, assumed) for count in fits), key=lambda work: work.seconds)
        if best.used < gpus and not best.limit:
            limit = f'{self.batch} images per update' if best.used == fits[-1] else 'all-reduce'
            return best._replace(limit=limit)
        return best


@dataclass(frozen=True)
class Pool:
    """Photo after photo by processes of one node, whatever the number of GPUs.

    core_seconds: of one photo. processes: None for one per core.
    """

    photos: int
    core_seconds: float
    processes: int | None = None
    limit: str = 'cores of one node'

    def work(self, gpus: int, assumed: Assumed) -> Worked:
        processes = min(self.processes or assumed.cores, assumed.cores)
        return Worked(assumed.start + self.photos * self.core_seconds / processes, 0, self.limit)


class Stage(NamedTuple):
    """A stage: what runs one after the other, and what it leaves behind.

    files, size: written, in number and bytes. memory: bytes of a GPU, from the number of
    images that it works on at a time (training only).
    """

    name: str
    parts: tuple
    files: int
    size: float
    memory: tuple[float, float] | None = None

    def work(self, gpus: int, assumed: Assumed) -> Worked:
        """All parts together; the limit is that of the longest."""
        parts = [part.work(gpus, assumed) for part in self.parts]
        longest = max(parts, key=lambda part: part.seconds)
        seconds = max(sum(part.seconds for part in parts), self.size / (1e9 * assumed.disk))
        return Worked(seconds, max(part.used for part in parts), longest.limit)

    def gpu_memory(self, gpus: int, assumed: Assumed) -> float | None:
        """Bytes that a training needs on each of the GPUs that it uses."""
        if self.memory is None:
            return None
        fixed, per_image = self.memory
        training = self.parts[0]
        return fixed + per_image * training.batch // training.work(gpus, assumed).used


def all_reduce(size: float, gpus: int, assumed: Assumed) -> float:
    """Seconds to sum ``size`` bytes over GPUs in a ring; its slowest link counts."""
    if gpus == 1:
        return 0.0
    speed = assumed.link
    if gpus > assumed.gpus_per_node:
        speed = min(speed, assumed.network)
    return 2 * (gpus - 1) / gpus * size / (1e9 * speed)


def loaders(gpus: int, assumed: Assumed) -> float:
    """Cores that load data for one GPU."""
    on_node = min(gpus, assumed.gpus_per_node)
    return min(assumed.workers, assumed.cores / on_node)


def crf_seconds(megapixels: float, labels: float, iterations: int, assumed: Assumed) -> float:
    """Core seconds of a dense CRF on one photo."""
    return megapixels * (assumed.crf_photo + assumed.crf_label * labels * iterations)


def serial_share(one: float, many: float, gpus: int) -> float:
    """The share of the time on one GPU that ``gpus`` do not shorten (Amdahl), 0 to 1."""
    return min(max((many / one - 1 / gpus) / (1 - 1 / gpus), 0.0), 1.0)
