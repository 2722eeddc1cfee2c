"""Slices through Gaussians on a GPU: counted, checked against the CPU's kernels, timed. Part of ``gpu.py``.

One axial slice, forward and backward, of Gaussians as a fit of 40 slices begins: those of ``slices_rasterizer.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gpu_floor import Gpu
from slices_rasterizer import kernel_step, scene
from tomosplat.geometry import SlicePlane
from tomosplat.render.constants import ALPHA_MIN
from tomosplat.render.cpu.slices import condition_gaussians

#: Gaussians and edge of the slice.
CASES = ((100_000, 160), (1_000_000, 512))
_HEIGHT, _TILE = 77.0, 16
#: Instructions of one warp (``gpu_code.py``, sm_90): all Gaussians looked at, 32 at a time; a pair of a slice and a
#: Gaussian conditioned, prepared, binned, pulled back and conditioned backwards; a tile's pair blended, and backwards.
FIND, CONDITION, PREPARE, EMIT, PULL_BACK, CONDITION_BACKWARD = 566, 336, 359, 313, 251, 555
#: Both warps of a tile, one channel.
BLEND, BLEND_BACKWARD = 2 * 79, 2 * 283
#: Bytes of a Gaussian's mean, covariance and opacity; of an ellipse; of its record and outline; of a pair's sort.
_GAUSSIAN, _ELLIPSE, _RECORD, _PAIR = 40, 24, 48 + 24 + 8, 6 + 8 + 2 * 2 * 10 + 16


@dataclass(frozen=True)
class SliceCounts:
    """Work of one slice.

    Attributes:
        gaussians: How many there are.
        seen: How many show in the slice.
        boxed: Pairs of a tile and an ellipse whose box touches it.
        binned: Those whose ellipse does.
        pixels: Of the slice.
    """

    gaussians: int
    seen: int
    boxed: int
    binned: int
    pixels: int


def slice_plane(size: int) -> SlicePlane:
    affine = np.eye(4)
    affine[2, 3] = _HEIGHT
    return SlicePlane(affine, size, size)


def count_slice(tensors: tuple[Tensor, ...], size: int) -> SliceCounts:
    """Count on the CPU."""
    ellipses, _, _ = condition_gaussians(*(tensor.detach() for tensor in tensors[:3]), [slice_plane(size)])
    u, v, uu, uv, vv, weight = ellipses.double().numpy().T
    level = 2 * np.log(weight / ALPHA_MIN)
    n_tiles = -(-size // _TILE)
    spans = []
    for center, variance in ((u, uu), (v, vv)):
        half = np.sqrt(level * variance)
        first = np.clip((center + 0.5 - half) // _TILE, 0, n_tiles - 1).astype(int)
        spans.append((first, np.clip((center + 0.5 + half) // _TILE, 0, n_tiles - 1).astype(int) - first + 1))
    (left, across), (top, down) = spans
    boxed = across * down
    which = np.repeat(np.arange(len(u)), boxed)
    number = np.arange(len(which)) - np.repeat(np.cumsum(boxed) - boxed, boxed)
    x = _TILE * (left[which] + number % across[which]) - 0.5 - u[which]
    y = _TILE * (top[which] + number // across[which]) - 0.5 - v[which]
    nearest = _least_on_box(x, y, uu[which], uv[which], vv[which])
    return SliceCounts(len(tensors[0]), len(u), len(which), int((nearest <= level[which]).sum()), size * size)


def _least_on_box(x: Any, y: Any, uu: Any, uv: Any, vv: Any) -> Any:
    """Least dᵀ C⁻¹ d over d in x..x + 16, y..y + 16: 0 around the centre, else on an edge."""
    determinant = uu * vv - uv * uv
    found = np.full(len(x), np.inf)
    for (a, b), (aa, ab, bb) in (((x, y), (uu, uv, vv)), ((y, x), (vv, uv, uu))):
        for edge in (a, a + _TILE):
            along = np.clip(ab / aa * edge, b, b + _TILE)
            found = np.minimum(found, (bb * edge**2 - 2 * ab * edge * along + aa * along**2) / determinant)
    inside = (x <= 0) & (x + _TILE >= 0) & (y <= 0) & (y + _TILE >= 0)
    return np.where(inside, 0.0, found)


def slice_stages(c: SliceCounts, gpu: Gpu) -> dict[str, float]:
    """Shortest seconds of each stage of a slice of one channel, and of its gradients."""
    per_pair, lanes = _GAUSSIAN + _ELLIPSE, c.seen / 32
    back = 2 * c.gaussians * _GAUSSIAN + c.seen * (2 * _GAUSSIAN + 3 * _ELLIPSE + 64)
    return {
        "find": gpu.seconds(c.gaussians * (_GAUSSIAN + 1), c.gaussians / 32 * FIND),
        "condition": gpu.seconds(c.seen * per_pair, lanes * (CONDITION + PREPARE)),
        "bin": gpu.seconds(c.seen * _RECORD + c.boxed * _PAIR, c.boxed / 32 * EMIT),
        "blend": gpu.seconds(c.binned * 32 + c.pixels * 8, c.binned * BLEND),
        "blend backward": gpu.seconds(c.binned * 64 + c.pixels * 16, c.binned * BLEND_BACKWARD),
        "condition backward": gpu.seconds(back, lanes * (PULL_BACK + CONDITION_BACKWARD)),
    }


def slice_rows(gpu: Gpu, time: Any) -> list[dict[str, Any]]:
    """Counts and floors of every case; with ``time`` (a run → milliseconds), what it takes on the GPU, checked."""
    rows = []
    for n, size in CASES:
        tensors = scene(n, size)
        counts = count_slice(tensors, size)
        floor = 1e3 * sum(slice_stages(counts, gpu).values())
        row: dict[str, Any] = {"what": f"slice of {size}² with gradients", **vars(counts), "floor_ms": floor}
        if time is not None:
            row |= _timed(tensors, size, floor, time)
        rows.append(row)
    return rows


def _timed(tensors: tuple[Tensor, ...], size: int, floor: float, time: Any) -> dict[str, Any]:
    slopes = torch.randn(size, size, generator=torch.Generator().manual_seed(0))
    gradients = {}
    for device in ("cpu", "cuda"):
        leaves = tuple(tensor.detach().to(device).requires_grad_() for tensor in tensors)
        there = slopes.to(device)
        kernel_step(leaves, _HEIGHT, size, there)
        gradients[device] = torch.cat([leaf.grad.flatten() for leaf in leaves]).cpu()
    off = float((gradients["cuda"] - gradients["cpu"]).norm() / gradients["cpu"].norm())
    if off > 1e-2:
        raise SystemExit(f"the GPU slices something else than the CPU: gradients are {off} off")
    ms = float(np.median(time(lambda: kernel_step(leaves, _HEIGHT, size, there))))
    return {"ms": ms, "of_floor": ms / floor, "largest_difference": off}
