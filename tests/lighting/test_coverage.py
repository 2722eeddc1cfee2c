"""What covers the cells of a coarse lattice."""

import numpy as np
import pytest

from tomosplat.errors import EmptySceneError, ShapeError
from tomosplat.geometry import Grid
from tomosplat.lighting import coarse_grid, cover
from tomosplat.lighting.coverage import surface_normals


def test_the_lattice_holds_every_point_with_cells_to_spare() -> None:
    points = np.random.default_rng(0).uniform(-50, 80, (200, 3))
    grid = coarse_grid(points, 4.0)
    index = grid.to_index(points)
    assert grid.spacing[0] == 4.0
    assert index.min() >= 2
    assert (index.max(axis=0) < np.array(grid.shape) - 3).all()


def test_the_lattice_of_a_large_scene_gets_larger_cells() -> None:
    grid = coarse_grid([[0, 0, 0], [2000, 1000, 3000]], 1.0)
    assert 18 < grid.spacing[0] < 19
    assert grid.n_voxels < 1.3e6


def test_a_lattice_needs_points() -> None:
    with pytest.raises(EmptySceneError):
        coarse_grid(np.zeros((0, 3)), 4.0)


def test_areas_are_kept_wherever_the_points_lie() -> None:
    rng = np.random.default_rng(1)
    points, areas = rng.uniform(0, 60, (100, 3)), rng.uniform(0, 0.5, 100)
    grid = coarse_grid(points, 5.0)
    assert cover(grid, points, areas).sum() * 25 == pytest.approx(areas.sum(), rel=1e-5)


def test_no_cell_is_covered_wholly() -> None:
    points = np.zeros((50, 3))
    covered = cover(coarse_grid(points, 3.0), points, np.full(50, 100.0))
    assert 0.99 < covered.max() < 1


def test_each_point_needs_an_area() -> None:
    grid = coarse_grid([[0, 0, 0]], 3.0)
    with pytest.raises(ShapeError, match="areas_mm2"):
        cover(grid, [[0, 0, 0]], [1.0, 2.0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_normals_stand_on_surfaces_and_vanish_inside(axis: int) -> None:
    coverage = np.zeros((12, 12, 12), np.float32)
    coverage[:6] = 0.9
    coverage = np.moveaxis(coverage, 0, axis)
    surface, inside = np.full(3, 6.0), np.full(3, 6.0)
    surface[axis], inside[axis] = 5.2, 2.0
    normals = surface_normals(np.ascontiguousarray(coverage), np.stack([surface, inside]))
    np.testing.assert_allclose(normals[0], np.eye(3)[axis] * normals[0, axis], atol=1e-6)
    assert normals[0, axis] > 0.4
    np.testing.assert_allclose(normals[1], 0, atol=1e-6)


def test_cells_of_a_full_block_are_full() -> None:
    grid = Grid.axis_aligned((8, 8, 8), 3.0)
    points = grid.to_world(np.argwhere(np.ones(grid.shape))[:, :3] * 0.5 + 2)
    np.testing.assert_allclose(cover(grid, points, np.full(len(points), 9 / 8 * 0.8))[3:5, 3:5, 3:5], 0.8, rtol=1e-4)
