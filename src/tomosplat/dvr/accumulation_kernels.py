"""Kernels of ``accumulation``: N channels of a volume along rays, and the gradients of its voxels.

The same walk as in ``lookup_kernels``, whose formulas hold; emission and absorption are interpolated between voxels.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.dvr.kernels import (
    KERNEL,
    PASSING_MIN,
    Beams,
    Sampling,
    ask_ahead,
    brick_at,
    last_cell,
    leap,
    place_of,
    ray_at,
    trilinear_scalar,
    zeros_four,
)
from tomosplat.render.cpu.layout import F32, U8, Scalar, f32, uint
from tomosplat.render.cpu.vectors import load, store
from tomosplat.render.raymarching.exponential import opacity_of
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.sampling import lane, split
from tomosplat.render.raymarching.tiles import EDGE, tile_bounds


@njit(**INLINE)
def _weights(fx: Scalar, fy: Scalar, fz: Scalar) -> Any:
    """Shares of the eight voxels of a cell, the last axis running fastest."""
    gx, gy, gz = f32(1) - fx, f32(1) - fy, f32(1) - fz
    a, b, c, d = gx * gy, gx * fy, fx * gy, fx * fy
    return a * gz, a * fz, b * gz, b * fz, c * gz, c * fz, d * gz, d * fz


@njit(**INLINE)
def _corners(at: int, n_k: int, n_jk: int, n: int) -> Any:
    """Where the numbers of the same voxels begin, n for each voxel."""
    a, b = at * n, (at + n_jk) * n
    row = n_k * n
    return (
        uint(a),
        uint(a + n),
        uint(a + row),
        uint(a + row + n),
        uint(b),
        uint(b + n),
        uint(b + row),
        uint(b + row + n),
    )


@njit(**INLINE)
def _four_channels(colors: F32, corners: Any, weights: Any, first: int) -> Any:
    """Four interpolated channels, a vector."""
    c, like = uint(first), zeros_four()
    near = load(colors, corners[0] + c, like) * weights[0] + load(colors, corners[1] + c, like) * weights[1]
    near = near + load(colors, corners[2] + c, like) * weights[2] + load(colors, corners[3] + c, like) * weights[3]
    far = load(colors, corners[4] + c, like) * weights[4] + load(colors, corners[5] + c, like) * weights[5]
    far = far + load(colors, corners[6] + c, like) * weights[6] + load(colors, corners[7] + c, like) * weights[7]
    return near + far


@njit(**INLINE)
def _add_four(gradient: F32, at: Scalar, amount: Any) -> None:
    store(gradient, at, load(gradient, at, zeros_four()) + amount)


@njit(**KERNEL)
def accumulate(
    start: int,
    stop: int,
    beams: Beams,
    sampling: Sampling,
    colors: F32,
    n: int,
    absorption: F32,
    bricks: U8,
    image: F32,
    alpha: F32,
) -> None:
    """Draw tiles start..stop: n channels, a multiple of four, into image, flat [C, H, W, n], of zeros, and alpha."""
    n_j, n_k = sampling.shape[1], sampling.shape[2]
    per_picture = ((beams.height + EDGE - 1) // EDGE) * ((beams.width + EDGE - 1) // EDGE)
    for tile in range(start, stop):
        top, bottom, left, right = tile_bounds(tile % per_picture, beams.height, beams.width)
        for row in range(top, bottom):
            for column in range(left, right):
                r = (tile // per_picture * beams.height + row) * beams.width + column
                ray = ray_at(beams, r, sampling.step)
                passing = f32(1)
                m = 0
                while m < ray.n_samples and passing >= PASSING_MIN:
                    ask_ahead(colors, ray, m, sampling, n)
                    i, j, k, fx, fy, fz = split(place_of(ray, m, sampling.step), last_cell(sampling.shape))
                    if brick_at(bricks, sampling, i, j, k) == 0:
                        m = leap(ray, m, sampling, i, j, k)
                        continue
                    at = (i * n_j + j) * n_k + k
                    opacity = trilinear_scalar(absorption, at, n_k, n_j * n_k, fx, fy, fz)
                    opacity = opacity_of(opacity * sampling.step)
                    weight = passing * (opacity if sampling.associated else sampling.step)
                    corners, weights = _corners(at, n_k, n_j * n_k, n), _weights(fx, fy, fz)
                    for c in range(0, n, 4):
                        place = uint(r * n + c)
                        _add_four(image, place, _four_channels(colors, corners, weights, c) * weight)
                    passing -= passing * opacity
                    m += 1
                alpha[uint(r)] = f32(1) - passing


@njit(**KERNEL)
def accumulate_backward(
    start: int,
    stop: int,
    beams: Beams,
    sampling: Sampling,
    colors: F32,
    n: int,
    absorption: F32,
    bricks: U8,
    image: F32,
    alpha: F32,
    by_image: F32,
    by_alpha: F32,
    by_colors: F32,
    by_absorption: F32,
) -> None:
    """Add up the gradients of colours and absorption, flat like these, over tiles start..stop."""
    n_j, n_k = sampling.shape[1], sampling.shape[2]
    n_jk = n_j * n_k
    per_picture = ((beams.height + EDGE - 1) // EDGE) * ((beams.width + EDGE - 1) // EDGE)
    for tile in range(start, stop):
        top, bottom, left, right = tile_bounds(tile % per_picture, beams.height, beams.width)
        for row in range(top, bottom):
            for column in range(left, right):
                r = (tile // per_picture * beams.height + row) * beams.width + column
                ray = ray_at(beams, r, sampling.step)
                behind = -by_alpha[uint(r)] * (f32(1) - alpha[uint(r)])
                for c in range(n):
                    behind += by_image[uint(r * n + c)] * image[uint(r * n + c)]
                passing = f32(1)
                m = 0
                while m < ray.n_samples and passing >= PASSING_MIN:
                    ask_ahead(colors, ray, m, sampling, n)
                    i, j, k, fx, fy, fz = split(place_of(ray, m, sampling.step), last_cell(sampling.shape))
                    if brick_at(bricks, sampling, i, j, k) == 0:
                        m = leap(ray, m, sampling, i, j, k)
                        continue
                    at = (i * n_j + j) * n_k + k
                    opacity = opacity_of(trilinear_scalar(absorption, at, n_k, n_jk, fx, fy, fz) * sampling.step)
                    weight = passing * (opacity if sampling.associated else sampling.step)
                    corners, weights = _corners(at, n_k, n_jk, n), _weights(fx, fy, fz)
                    along = zeros_four()
                    for c in range(0, n, 4):
                        v = load(by_image, uint(r * n + c), zeros_four())
                        along = along + v * _four_channels(colors, corners, weights, c)
                        v = v * weight
                        for corner, share in zip(corners, weights):  # noqa: B905 - Numba's zip has no strict
                            _add_four(by_colors, corner + uint(c), v * share)
                    total = lane(along, 0) + lane(along, 1) + lane(along, 2) + lane(along, 3)
                    behind -= weight * total
                    passing -= passing * opacity
                    more = passing * total if sampling.associated else f32(0)
                    amount = sampling.step * (more - behind)
                    for corner, share in zip(_corners(at, n_k, n_jk, 1), weights):  # noqa: B905
                        by_absorption[corner] += amount * share
                    m += 1
