"""Swept transmittance against closed forms and against marched rays."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from tomosplat.geometry import Grid
from tomosplat.lighting import AreaLight, LightRig, load_rig, march_rays, sweep_light
from tomosplat.lighting.sweep import transmittances
from tomosplat.volume.volume import OpticalVolume


def far_away(*directions: tuple[float, float, float]) -> np.ndarray:
    unit = np.array(directions) / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.insert(unit, 3, 0, axis=1).astype(np.float32)


def at(*points: tuple[float, float, float]) -> np.ndarray:
    return np.array(points, np.float32)


def test_nothing_stands_in_the_light_of_an_empty_lattice() -> None:
    sources = np.concatenate([far_away((1, 2, 3), (-1, 0, 0)), [[40, -3, 9, 1]]]).astype(np.float32)
    passed = transmittances(np.zeros((12, 9, 10), np.float32), sources, at((3, 4, 5), (9.5, 2, 2)))
    np.testing.assert_allclose(passed, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("cosine", [1.0, 0.8, 0.6])
def test_slab_obeys_beer_lambert(axis: int, side: int, cosine: float) -> None:
    coverage = np.zeros((60, 60, 20), np.float32)
    coverage[:, :, 8:12] = 0.3
    below = np.array([30, 30, 3.0])
    direction = np.array([math.sqrt(1 - cosine**2), 0, cosine])
    if side < 0:
        below[2], direction[2] = 19 - below[2], -direction[2]
    moved = np.ascontiguousarray(np.moveaxis(coverage, 2, axis))
    order = [0, 1]
    order.insert(axis, 2)
    passed = transmittances(moved, far_away(tuple(direction[order])), at(tuple(below[order])))
    # At 0.6 the pass goes along the slab, whose faces it blurs.
    np.testing.assert_allclose(passed, 0.7 ** (4 / cosine), atol=0.02 if cosine < 0.7 else 1e-4)


def test_a_lamp_casts_shadows_away_from_itself() -> None:
    coverage = np.zeros((30, 30, 30), np.float32)
    coverage[15, 12:18, 12:18] = 0.99
    lamp = np.array([[60, 15, 15, 1]], np.float32)
    behind, before, beside = transmittances(coverage, lamp, at((8, 15, 15), (22, 15, 15), (8, 26, 15)))[0]
    assert behind < 0.05
    assert before > 0.99
    assert beside > 0.95


def test_sweeps_agree_with_sums_along_rays() -> None:
    rng = np.random.default_rng(0)
    density = gaussian_filter(rng.uniform(0, 1, (40, 40, 40)), 3)
    density = np.maximum(density - 0.49, 0) * 2
    source = far_away((0.3, -0.5, 0.8))
    points = rng.uniform(8, 30, (40, 3))
    steps = np.arange(0.5 + 0.05, 60, 0.1)
    along = points[:, None] + steps[:, None] * source[0, :3]
    depth = map_coordinates(density, along.reshape(-1, 3).T, order=1).reshape(len(points), -1).sum(axis=1) * 0.1
    coverage = (1 - np.exp(-density)).astype(np.float32)
    passed = transmittances(coverage, source, points.astype(np.float32))[0]
    assert np.exp(-depth).min() < 0.7
    np.testing.assert_allclose(passed, np.exp(-depth), atol=0.06)
    assert np.abs(passed - np.exp(-depth)).mean() < 0.02


def test_light_in_the_open_is_that_of_marched_rays() -> None:
    grid, rig = Grid.axis_aligned((20, 20, 20), 4.0, (-38, -38, -38)), load_rig("studio")
    points = np.random.default_rng(0).uniform(-25, 25, (20, 3))
    empty = np.zeros(grid.shape, np.float32)
    optical = OpticalVolume(empty, np.ones((*grid.shape, 3), np.float32), np.ones(grid.shape, np.uint8), grid)
    swept = sweep_light(empty, grid, rig.environment, rig.place(grid.bounds), points)
    np.testing.assert_allclose(swept, march_rays(optical, rig, points).radiance, rtol=1e-4)


def test_light_past_matter_is_near_that_of_marched_rays() -> None:
    """Thin fog and a wall; the marcher's voxels are half as wide as the cells."""
    fine = np.full((64, 64, 64), 0.004, np.float32)
    fine[30:34, 16:48, 16:48] = 2.0
    fine[:4] = fine[-4:] = fine[:, :4] = fine[:, -4:] = fine[:, :, :4] = fine[:, :, -4:] = 0
    grid = Grid.axis_aligned(fine.shape, 2.0, (-63, -63, -63))
    optical = OpticalVolume(fine, np.ones((*fine.shape, 3), np.float32), np.ones(fine.shape, np.uint8), grid)
    coarse = Grid.axis_aligned((32, 32, 32), 4.0, (-62, -62, -62))
    extinction = fine.reshape(32, 2, 32, 2, 32, 2).mean(axis=(1, 3, 5))
    coverage = np.minimum(1 - np.exp(-4 * extinction), 0.999).astype(np.float32)
    rig = LightRig("both", (0.2, 0.2, 0.2), (AreaLight("lamp", (4, 1, 1), 0.5, (40, 40, 40)),))
    points = np.random.default_rng(0).uniform(-45, 45, (300, 3))
    points = points[np.abs(points[:, 0]) > 12]
    swept = sweep_light(coverage, coarse, rig.environment, rig.place(grid.bounds), points)[:, 0]
    marched = march_rays(optical, rig, points).radiance[:, 0]
    assert marched.max() > 3 * marched.min()
    assert np.abs(swept - marched).mean() < 0.06 * marched.mean()
