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
    Ray,
    Sampling,
    ask_ahead,
    brick_at,
    last_cell,
    leap,
    pixel_at,
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


@njit(**INLINE)
def _sample(ray: Ray, m: int, sampling: Sampling, colors: F32, n: int, absorption: F32, bricks: U8) -> Any:
    """Sample m: the first voxel of its cell, its opacity, the shares of the cell's voxels, and the next sample.

    In a brick that is empty the first is -1, and the next sample is behind it.
    """
    _, n_j, n_k = sampling.shape
    ask_ahead(colors, ray, m, sampling, n)
    i, j, k, fx, fy, fz = split(place_of(ray, m, sampling.step), last_cell(sampling.shape))
    weights = _weights(fx, fy, fz)
    if brick_at(bricks, sampling, i, j, k) == 0:
        return -1, f32(0), weights, leap(ray, m, sampling, i, j, k)
    at = (i * n_j + j) * n_k + k
    optical_depth = trilinear_scalar(absorption, at, n_k, n_j * n_k, fx, fy, fz) * sampling.step
    return at, opacity_of(optical_depth), weights, m + 1


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
    """Draw pixels start..stop (see ``pixel_at``): n channels, a multiple of four, and alpha.

    ``image``, flat [C, H, W, n], holds zeros.
    """
    n_k, n_jk = sampling.shape[2], sampling.shape[1] * sampling.shape[2]
    for number in range(start, stop):
        r = pixel_at(beams, number)
        if r < 0:
            continue
        ray = ray_at(beams, r, sampling.step)
        passing = f32(1)
        m = 0
        while m < ray.n_samples and passing >= PASSING_MIN:
            at, opacity, weights, m = _sample(ray, m, sampling, colors, n, absorption, bricks)
            if at < 0:
                continue
            weight = passing * (opacity if sampling.associated else sampling.step)
            corners = _corners(at, n_k, n_jk, n)
            for c in range(0, n, 4):
                place = uint(r * n + c)
                _add_four(image, place, _four_channels(colors, corners, weights, c) * weight)
            passing -= passing * opacity
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
    """Add up the gradients of colours and absorption, flat like these, over pixels start..stop (see ``pixel_at``)."""
    n_k, n_jk = sampling.shape[2], sampling.shape[1] * sampling.shape[2]
    for number in range(start, stop):
        r = pixel_at(beams, number)
        if r < 0:
            continue
        ray = ray_at(beams, r, sampling.step)
        behind = -by_alpha[uint(r)] * (f32(1) - alpha[uint(r)])
        for c in range(n):
            behind += by_image[uint(r * n + c)] * image[uint(r * n + c)]
        passing = f32(1)
        m = 0
        while m < ray.n_samples and passing >= PASSING_MIN:
            at, opacity, weights, m = _sample(ray, m, sampling, colors, n, absorption, bricks)
            if at < 0:
                continue
            weight = passing * (opacity if sampling.associated else sampling.step)
            corners = _corners(at, n_k, n_jk, n)
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
