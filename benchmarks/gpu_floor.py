"""How fast a GPU can be at best: bytes that must move and instructions that must be issued, counted before timing.

Counts of pairs come from the CPU's kernels, which bin alike. Instructions are those of the compiled kernels
(``gpu_code.py``, sm_90, Triton 3.9), so the floor is that of these kernels at full throughput, with nothing waiting for
memory; a stage takes at least the longer of its two times, and stages follow each other.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass

import numpy as np
import torch

from rasterize_torch import Tiles, alphas, tiles_of
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.constants import TRANSMITTANCE_MIN
from tomosplat.render.cpu.backend import best_lanes
from tomosplat.render.cpu.frame import Parameters, draw
from tomosplat.render.projection import camera_row

#: Instructions of one warp: projecting 32 Gaussians; writing 32 pairs; blending a pair's 256 pixels; and backwards.
PROJECT, EMIT, BLEND, BLEND_BACKWARD, PROJECT_BACKWARD = 801, 313, 150, 477, 1007
#: Bytes of a Gaussian (45 float32 and a label), of what projection leaves for it, and of the sums of its gradients.
PARAMETERS, PROJECTED, SUMS = 181, 48 + 24 + 8, 48
#: Bytes per Gaussian for sorting by depth (4 passes over key and index) and finding where its pairs begin.
DEPTH_SORT = 4 * 2 * 12 + 24
#: Bytes per pair: written, sorted by tile (2 passes over a 2-byte key and an 8-byte index), gathered.
PAIR_SORT = 6 + 8 + 2 * 2 * 10 + 16
#: Bytes per blended pair: its place in the list and nine float32 of the record.
BLENDED = 4 + 36

#: Tiles that are looked at pixel by pixel.
_SAMPLE = 400


@dataclass(frozen=True)
class Gpu:
    """What bounds a GPU."""

    name: str
    multiprocessors: int
    clock_hz: float
    bytes_per_s: float

    def seconds(self, n_bytes: float, warp_instructions: float) -> float:
        """Shortest time: four warps issue at once on each multiprocessor."""
        return max(n_bytes / self.bytes_per_s, warp_instructions / (4 * self.multiprocessors * self.clock_hz))


#: By its data sheet: for counting where no GPU is.
H200 = Gpu("H200 (data sheet)", 132, 1.98e9, 4.8e12)


def this_gpu() -> Gpu:
    """The GPU that is here: its clock as the driver tells it, its bandwidth as a copy shows it."""
    found = torch.cuda.get_device_properties(0)
    query = ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits", "--id=0"]
    clock = float(subprocess.run(query, capture_output=True, text=True, check=True).stdout) * 1e6
    source = torch.empty(2**28, device="cuda")
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return Gpu(found.name, found.multi_processor_count, clock, 2 * source.numel() * 4 / best)


@dataclass(frozen=True)
class Counts:
    """Work of one picture.

    Attributes:
        gaussians: How many there are.
        pixels: How many there are.
        boxed: Pairs of a tile and a Gaussian whose box touches it.
        binned: Those whose ellipse does.
        blended: Those that a tile looks at before all its pixels are finished.
        unseen: Share of these that change no pixel, in a sample of tiles.
        drawn: Pixels that one of these changes, on average.
    """

    gaussians: int
    pixels: int
    boxed: int
    binned: int
    blended: int
    unseen: float
    drawn: float


def count(scene: GaussianScene, cameras: Cameras) -> Counts:
    """Count on the CPU."""
    names = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh", "labels")
    parameters = Parameters(scene.direction_weight, *(getattr(scene, name).cpu().numpy() for name in names))
    picture = np.empty((cameras.height, cameras.width, 4), np.float32)
    everything, camera, lanes = np.ones(256, np.uint8), camera_row(cameras, 0), best_lanes()
    boxed = len(draw(parameters, everything, camera, False, lanes, picture).lists)
    frame = draw(parameters, everything, camera, True, lanes, picture)
    blended = int(frame.n_blended.sum())
    return Counts(
        len(scene), picture.size // 4, boxed, len(frame.lists), blended, *_seen(tiles_of(frame, cameras.width))
    )


def _seen(tiles: Tiles) -> tuple[float, float]:
    """``Counts.unseen`` and ``Counts.drawn``."""
    pixels = []
    for k in range(0, len(tiles.lists), max(1, len(tiles.lists) // _SAMPLE)):
        alpha = alphas(tiles.records[tiles.lists[k]], tiles.pixels[k])
        before = torch.cat([torch.ones_like(alpha[:1]), torch.cumprod(1 - alpha, dim=0)[:-1]])
        pixels.append(((alpha > 0) & (before > TRANSMITTANCE_MIN)).sum(dim=1))
    counted = torch.cat(pixels).double()
    return float((counted == 0).double().mean()), float(counted.mean())


def forward_stages(c: Counts, gpu: Gpu) -> dict[str, float]:
    """Shortest seconds of each stage of a picture."""
    return {
        "project": gpu.seconds(c.gaussians * (PARAMETERS + PROJECTED), c.gaussians / 32 * PROJECT),
        "sort by depth": gpu.seconds(c.gaussians * DEPTH_SORT, 0),
        "bin": gpu.seconds(c.gaussians * PROJECTED + c.boxed * PAIR_SORT, c.boxed / 32 * EMIT),
        "composite": gpu.seconds(c.blended * BLENDED + c.pixels * 16, c.blended * BLEND),
    }


def backward_stages(c: Counts, gpu: Gpu) -> dict[str, float]:
    """Shortest seconds of each stage of its gradients."""
    n_bytes = c.blended * (BLENDED + 36) + c.pixels * 32 + c.gaussians * SUMS
    gradients = c.gaussians * (PARAMETERS + SUMS + 2 * 180)
    return {
        "composite backward": gpu.seconds(n_bytes, c.blended * BLEND_BACKWARD),
        "project backward": gpu.seconds(gradients, c.gaussians / 32 * PROJECT_BACKWARD),
    }
