"""Rays that graze, start on borders or run along axes: they end, and hide what they should."""

import itertools

import numpy as np
import pytest
from numba import njit
from scipy.ndimage import map_coordinates
from tests.render.pathtrace.scenes import blobs, volume

from tomosplat.geometry import Grid
from tomosplat.render.pathtracer.medium import build_medium
from tomosplat.render.pathtracer.rng import path_counter
from tomosplat.render.pathtracer.tracking import fly
from tomosplat.volume import OpticalVolume

F32 = np.float32
NO_PLANES = np.zeros((0, 4), np.float32)
AXES = [d for d in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(d)]


@njit
def transmittance(medium, starts, directions, t_max, n):
    """Mean of ``n`` ratio-tracked rays from each start along each direction, and of their squares."""
    out = np.zeros((len(starts), 2))
    for i in range(len(starts)):
        p = F32(starts[i, 0]), F32(starts[i, 1]), F32(starts[i, 2])
        d = F32(directions[i, 0]), F32(directions[i, 1]), F32(directions[i, 2])
        counter = path_counter(np.uint64(1), i, 0)
        for _ in range(n):
            _, _, passed, counter = fly(medium, NO_PLANES, p, d, F32(t_max), True, counter)
            out[i, 0] += passed / n
            out[i, 1] += passed * passed / n
    return out


def expected(sigma: np.ndarray, start: np.ndarray, direction: np.ndarray, length: float) -> float:
    t = (np.arange(4000) + 0.5) / 4000 * length
    places = (start - 1)[:, None] + direction[:, None] * t
    inside = ((places > -0.5) & (places < np.array(sigma.shape)[:, None] - 0.5)).all(axis=0)
    return float(np.exp(-np.where(inside, map_coordinates(sigma, places, order=1, mode="nearest"), 0).mean() * length))


@pytest.mark.parametrize("tiny", [0.0, -0.0, 1e-30, 1e-8])
def test_rays_along_axes_and_brick_borders_end(tiny: float) -> None:
    sigma = blobs((17, 16, 9)) * 0.3
    medium = build_medium(volume(sigma), 0.9)
    # Borders of bricks and of the scan, centres of voxels, and places outside.
    ticks = np.array([-3.0, 0.0, 0.5, 1.0, 8.0, 9.0, 16.0, 17.5, 40.0])
    rng = np.random.default_rng(0)
    starts = np.concatenate([rng.choice(ticks, (60, 3)), rng.uniform(0.5, 9.5, (20, 3))])
    starts, directions = np.repeat(starts, len(AXES), axis=0), np.tile(AXES, (len(starts), 1))
    directions = np.where(directions == 0, tiny, directions / np.linalg.norm(directions, axis=1, keepdims=True))
    n = 400
    measured = transmittance(medium, starts, directions, 60.0, n)
    error = np.sqrt(np.maximum(measured[:, 1] - measured[:, 0] ** 2, 0) / n)
    for index in rng.choice(len(starts), 200, replace=False):
        truth = expected(sigma, starts[index], directions[index], 60.0)
        on_face = (np.isin(starts[index], (0.5, 17.5)) & (np.abs(directions[index]) < 1e-6)).any()
        # A ray within a face of the scan is inside or outside, as rounding has it.
        if not on_face:
            assert abs(measured[index, 0] - truth) < 5 * error[index] + 0.01


def test_random_rays_never_leave_the_bricks() -> None:
    medium = build_medium(volume(blobs((9, 25, 16))), 0.9)
    rng = np.random.default_rng(1)
    starts = rng.uniform(-5, 30, (20_000, 3))
    directions = rng.normal(size=(20_000, 3))
    directions[::3, 0] *= 1e-12
    directions[1::3, 1] *= 1e-25
    passed = transmittance(medium, starts, directions / np.linalg.norm(directions, axis=1, keepdims=True), 100.0, 4)
    assert np.isfinite(passed).all()
    assert passed.min() >= 0
    assert passed[:, 0].max() <= 1.0001


def test_bricks_hold_every_voxel_to_a_hundred_thousandth() -> None:
    optical = volume(blobs((18, 7, 25)) * 4, np.random.default_rng(0).uniform(0, 1, (18, 7, 25, 3)))
    medium = build_medium(optical, 1.0)
    nj, nk = int(medium.n_bricks[1]), int(medium.n_bricks[2])
    for i, j, k in itertools.product(range(18), range(7), range(25)):
        brick = ((i + 1) // 8 * nj + (j + 1) // 8) * nk + (k + 1) // 8
        sigma, majorant = optical.extinction[i, j, k], medium.majorants[brick]
        if majorant == 0:
            assert sigma == 0
            continue
        cell = medium.starts[brick] + ((i + 1) % 8 * 9 + (j + 1) % 8) * 9 + (k + 1) % 8
        assert medium.fractions[cell] / 65536 * majorant == pytest.approx(sigma, abs=1e-5 * float(majorant))


def test_an_oblique_anisotropic_grid_keeps_lengths_in_mm() -> None:
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 1.9, 3.1])
    sigma = np.full((20, 12, 9), 0.2, np.float32)
    optical = OpticalVolume(
        sigma, np.ones((*sigma.shape, 3), np.float32), sigma.astype(np.uint8), Grid(sigma.shape, affine)
    )
    medium = build_medium(optical, 0.9)
    starts = np.array([[10.0, 6.0, 5.0]])
    world = np.array([0.6, 0.0, 0.8])
    direction = (medium.to_voxels @ world)[None]
    n = 100_000
    mean, square = transmittance(medium, starts, direction, 2.5, n)[0]
    assert abs(mean - np.exp(-0.2 * 2.5)) < 4 * np.sqrt((square - mean**2) / n) + 1e-5
