"""What the kernels share: rays as flat arrays, the order of pixels, places on rays, and leaps over empty bricks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays
from tomosplat.render.cpu.layout import F32, U8, Scalar, f32, uint
from tomosplat.render.cpu.vectors import load, prefetch, vector
from tomosplat.render.raymarching.kernels import BORROWING, BRICK, INLINE
from tomosplat.render.raymarching.sampling import four, lane, lerp, split
from tomosplat.render.raymarching.tiles import EDGE, n_across
from tomosplat.threads import split as split_range

#: Compiler options of kernels that Python calls.
KERNEL = BORROWING
#: A ray ends when less than this share of the light passes: what is missing is far below a level of 8 bits.
PASSING_MIN = f32(2**-14)
#: Parts that the pixels are cut into, whatever the number of threads, so that sums come out the same on any.
PARTS = 32
#: Samples whose voxels are asked for ahead of their use.
_AHEAD = 8
_EDGE = int(BRICK)


class Beams(NamedTuple):
    """:class:`Rays` of pictures of one size, flat."""

    starts: F32
    directions: F32
    lengths: F32
    offsets: F32
    height: int
    width: int


class Sampling(NamedTuple):
    """:class:`March`, and the grid that is sampled."""

    shape: tuple[int, int, int]
    step: Scalar
    associated: bool


class Ray(NamedTuple):
    """One ray; sample m is at t = (m + offset) · step."""

    start: Any  # index coordinates, a vector of four
    direction: Any
    offset: Scalar
    n_samples: int


def beams_of(rays: Rays) -> Beams:
    """The rays as kernels want them."""
    parts = (rays.starts, rays.directions, rays.lengths, rays.offsets)
    starts, directions, lengths, offsets = (part.detach().float().contiguous().numpy().reshape(-1) for part in parts)
    return Beams(starts, directions, lengths, offsets, *rays.lengths.shape[1:])


def sampling_of(march: March, shape: tuple[int, ...]) -> Sampling:
    """The sampling as kernels want it."""
    return Sampling((shape[0], shape[1], shape[2]), f32(march.step), march.associated)


def pixel_parts(rays: Rays, parts: int = PARTS) -> list[tuple[int, int]]:
    """Ranges of pixels in the order of tiles (see ``pixel_at``) over all pictures, a job each."""
    n_pictures, height, width = rays.lengths.shape
    tiles = split_range(n_pictures * n_across(height) * n_across(width), parts)
    return [(start * EDGE * EDGE, stop * EDGE * EDGE) for start, stop in tiles]


@njit(**INLINE)
def zeros_four() -> Any:
    """A vector of four zeros."""
    return vector((f32(0), f32(0), f32(0), f32(0)))


@njit(**INLINE)
def last_cell(shape: tuple[int, int, int]) -> Any:
    """Lower corner of the last cell on each axis, for ``split``."""
    return four(f32(shape[0] - 2), f32(shape[1] - 2), f32(shape[2] - 2))


@njit(**INLINE)
def ray_at(beams: Beams, r: int, step: Scalar) -> Ray:
    """The ray of pixel r."""
    a, b, c = uint(3 * r), uint(3 * r + 1), uint(3 * r + 2)
    length, offset = beams.lengths[uint(r)], beams.offsets[uint(r)]
    n_samples = math.ceil(length / step - offset) if length > f32(0) else 0
    return Ray(
        four(beams.starts[a], beams.starts[b], beams.starts[c]),
        four(beams.directions[a], beams.directions[b], beams.directions[c]),
        offset,
        n_samples,
    )


@njit(**INLINE)
def pixel_at(beams: Beams, at: int) -> int:
    """Number of a pixel in the order of tiles, EDGE² numbers each; -1 where a tile reaches beyond the picture."""
    across = (beams.width + EDGE - 1) // EDGE
    tile = at // (EDGE * EDGE)
    per_picture = (beams.height + EDGE - 1) // EDGE * across
    picture, tile = tile // per_picture, tile % per_picture
    row = tile // across * EDGE + at % (EDGE * EDGE) // EDGE
    column = tile % across * EDGE + at % EDGE
    if row >= beams.height or column >= beams.width:
        return -1
    return (picture * beams.height + row) * beams.width + column


@njit(**INLINE)
def place_of(ray: Ray, m: int, step: Scalar) -> Any:
    """Index coordinates of sample m."""
    return ray.start + ray.direction * ((f32(m) + ray.offset) * step)


@njit(**INLINE)
def ask_ahead(values: F32, ray: Ray, m: int, sampling: Sampling, stride: int) -> None:
    """Have the voxels of a later sample brought to the cache; ``stride`` numbers belong to each voxel."""
    _, n_j, n_k = sampling.shape
    i, j, k, _, _, _ = split(place_of(ray, min(m + _AHEAD, ray.n_samples), sampling.step), last_cell(sampling.shape))
    at = ((i * n_j + j) * n_k + k) * stride
    prefetch(values, uint(at))
    prefetch(values, uint(at + n_k * stride))
    prefetch(values, uint(at + n_j * n_k * stride))
    prefetch(values, uint(at + (n_j + 1) * n_k * stride))


@njit(**INLINE)
def _pair(values: F32, at: int) -> Any:
    return load(values, uint(at), vector((f32(0), f32(0))))


@njit(**INLINE)
def trilinear_scalar(values: F32, at: int, n_k: int, n_jk: int, fx: Scalar, fy: Scalar, fz: Scalar) -> Scalar:
    """Trilinear value in the cell whose first voxel is number ``at``."""
    near = lerp(_pair(values, at), _pair(values, at + n_k), fy)
    far = lerp(_pair(values, at + n_jk), _pair(values, at + n_jk + n_k), fy)
    pair = lerp(near, far, fx)
    return lerp(lane(pair, 0), lane(pair, 1), fz)


@njit(**INLINE)
def _out(at: Scalar, direction: Scalar, brick: int) -> Scalar:
    """How far a ray goes before it leaves a brick on one axis."""
    ahead = f32((brick + 1) * _EDGE) - at if direction > f32(0) else f32(brick * _EDGE) - at
    return ahead / direction if direction != f32(0) else f32(np.inf)


@njit(**INLINE)
def brick_at(bricks: U8, sampling: Sampling, i: int, j: int, k: int) -> Scalar:
    """What ``bricks`` says of the brick of a cell; 1 where there are none."""
    if bricks.size == 0:
        return np.uint8(1)
    _, n_j, n_k = sampling.shape
    n_b, n_c = (n_j + _EDGE - 1) // _EDGE, (n_k + _EDGE - 1) // _EDGE
    return bricks[uint((i // _EDGE * n_b + j // _EDGE) * n_c + k // _EDGE)]


@njit(**INLINE)
def leap(ray: Ray, m: int, sampling: Sampling, i: int, j: int, k: int) -> Scalar:
    """The first sample after m that may be in another brick than that of m's cell."""
    place = place_of(ray, m, sampling.step)
    t = _out(lane(place, 0), lane(ray.direction, 0), i // _EDGE)
    t = min(t, _out(lane(place, 1), lane(ray.direction, 1), j // _EDGE))
    t = min(t, _out(lane(place, 2), lane(ray.direction, 2), k // _EDGE))
    # Outermost voxels go on beyond their centres, where t may be endless or negative.
    steps = min(max(t / sampling.step, f32(1)), f32(ray.n_samples - m))
    return m + math.ceil(steps)
