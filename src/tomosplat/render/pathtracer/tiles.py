"""Pixels of a tile: rays from the camera, and sums over their paths."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tomosplat.geometry import Cameras, Grid
from tomosplat.render.pathtracer.integrator import trace_path
from tomosplat.render.pathtracer.kernels import ENTRY, F64, INLINE, f32
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix, path_counter
from tomosplat.render.pathtracer.settings import ThinLens
from tomosplat.render.pathtracer.vectors import add, normalize, transform

#: What is summed for each pixel, float64: radiance, its squares, and how many paths hit the scan.
SUMS = 7


class Lens(NamedTuple):
    """One camera as the kernels take it, float64.

    Attributes:
        position: [3] in the medium's voxels.
        axes: [3, 3] world directions right, down and forward, as columns.
        to_voxels: [3, 3] directions in mm to voxels.
        top: [3] the scan's upper end in voxels.
        focal: [4] fx, fy, cx, cy in pixels.
        aperture: [2] radius (0 for a pinhole) and focus distance in mm.
    """

    position: F64
    axes: F64
    to_voxels: F64
    top: F64
    focal: F64
    aperture: F64


def build_lens(cameras: Cameras, index: int, grid: Grid, lens: ThinLens | None) -> Lens:
    """Take a camera into the scan's voxels."""
    K = cameras.Ks[index]
    return Lens(
        np.ascontiguousarray(grid.to_index(cameras.positions[index]) + 1),
        np.ascontiguousarray(cameras.viewmats[index, :3, :3].T),
        np.linalg.inv(grid.affine[:3, :3]).astype(np.float64),
        np.array(grid.shape, np.float64) + 0.5,
        np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]),
        np.array([lens.radius_mm, lens.focus_mm] if lens else [0.0, 1.0]),
    )


@njit(**INLINE)
def _ray(lens, x, y, counter):  # type: ignore[no-untyped-def]
    """Ray through a place of the image: where it enters the scan's box, world direction, whether it does, counter.

    In float64, so that a camera far away sees no coarser voxels.
    """
    d = (x - lens.focal[2]) / lens.focal[0], (y - lens.focal[3]) / lens.focal[1], 1.0
    shift = 0.0, 0.0, 0.0
    if lens.aperture[0] > 0:
        counter += STEP
        word = mix(counter)
        radius, phi = lens.aperture[0] * math.sqrt(high_unit(word)), 2 * math.pi * low_unit(word)
        shift = radius * math.cos(phi), radius * math.sin(phi), 0.0
        d = add((d[0] * lens.aperture[1], d[1] * lens.aperture[1], lens.aperture[1]), shift, -1.0)
    w = transform(lens.axes, normalize(d)[0])
    d = transform(lens.to_voxels, w)
    start = lens.position[0], lens.position[1], lens.position[2]
    start = add(start, transform(lens.to_voxels, transform(lens.axes, shift)), 1.0)
    enter, leave = 0.0, 1e300
    for axis in range(3):
        near, far = 0.5 - start[axis], lens.top[axis] - start[axis]
        if d[axis] != 0:
            enter = max(enter, min(near / d[axis], far / d[axis]))
            leave = min(leave, max(near / d[axis], far / d[axis]))
        elif near > 0 or far < 0:
            leave = -1.0
    p = add(start, d, enter)
    return (f32(p[0]), f32(p[1]), f32(p[2])), (f32(w[0]), f32(w[1]), f32(w[2])), enter < leave, counter


@njit(**ENTRY)
def trace_tile(world, lens, g, max_depth, seed, first, last, x0, x1, y0, y1, sums):  # type: ignore[no-untyped-def]
    """Add samples ``first`` to ``last`` of every pixel of a tile to ``sums`` [H, W, SUMS]."""
    width = sums.shape[1]
    for y in range(y0, y1):
        for x in range(x0, x1):
            total = sums[y, x]
            for sample in range(first, last):
                counter = path_counter(seed, y * width + x, sample) + STEP
                word = mix(counter)
                p, w, inside, counter = _ray(lens, x + high_unit(word), y + low_unit(word), counter)
                if inside:
                    light, hit = trace_path(world, g, max_depth, p, w, counter)
                    for channel in range(3):
                        total[channel] += light[channel]
                        total[3 + channel] += light[channel] * light[channel]
                    total[6] += hit
