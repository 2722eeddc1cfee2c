import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.errors import GeometryError
from tomosplat.geometry import LPS_TO_RAS, Grid, closest_axes

SEEDS = st.integers(0, 100_000)


def any_grid(seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = rng.normal(size=(3, 3)) * rng.uniform(0.3, 5, 3)
    affine[:3, 3] = rng.uniform(-500, 500, 3)
    return Grid(tuple(int(n) for n in rng.integers(1, 9, 3)), affine)


def signed_permutations():
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            affine = np.eye(4)
            affine[:3, :3] = 0
            for index, (world, sign) in enumerate(zip(axes, signs, strict=True)):
                affine[world, index] = sign * (index + 1)
            yield affine


@given(seed=SEEDS)
def test_to_index_undoes_to_world(seed):
    grid = any_grid(seed)
    indices = np.random.default_rng(seed).uniform(-20, 20, (7, 3))
    np.testing.assert_allclose(grid.to_index(grid.to_world(indices)), indices, atol=1e-6)


@given(seed=SEEDS)
def test_to_world_is_nibabels(seed):
    grid = any_grid(seed)
    indices = np.random.default_rng(seed).uniform(-20, 20, (2, 5, 3))
    np.testing.assert_allclose(grid.to_world(indices), nib.affines.apply_affine(grid.affine, indices), atol=1e-9)


@given(seed=SEEDS)
def test_affine_is_direction_times_spacing_from_the_origin(seed):
    grid = any_grid(seed)
    np.testing.assert_allclose(grid.direction * grid.spacing, grid.affine[:3, :3], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(grid.direction, axis=0), 1)
    np.testing.assert_allclose(grid.spacing, nib.affines.voxel_sizes(grid.affine))
    np.testing.assert_allclose(grid.to_world([0, 0, 0]), grid.origin)


def test_lps_to_ras_is_its_own_inverse_and_turns_x_and_y():
    np.testing.assert_array_equal(LPS_TO_RAS @ LPS_TO_RAS, np.eye(4))
    np.testing.assert_array_equal(LPS_TO_RAS @ [1, 2, 3, 1], [-1, -2, 3, 1])


def test_all_48_orientations_are_named_like_nibabels():
    names = set()
    for affine in signed_permutations():
        grid = Grid((2, 3, 4), affine)
        assert grid.orientation == "".join(nib.aff2axcodes(affine))
        assert grid.is_axis_aligned()
        assert grid.is_orthogonal()
        names.add(grid.orientation)
    assert len(names) == 48


@given(seed=SEEDS, angle=st.floats(-0.6, 0.6))
def test_a_tilt_below_45_degrees_keeps_the_nearest_axes(seed, angle):
    affine = list(signed_permutations())[seed % 48]
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert closest_axes(turn @ affine) == closest_axes(affine)
    assert Grid((2, 2, 2), turn @ affine).orientation == Grid((2, 2, 2), affine).orientation


@given(seed=SEEDS)
def test_closest_axes_is_always_a_permutation(seed):
    assert sorted(closest_axes(any_grid(seed).affine)) == [0, 1, 2]


@given(seed=SEEDS)
def test_bounds_hold_the_faces_of_every_voxel_and_no_more(seed):
    grid = any_grid(seed)
    centers = grid.to_world(np.stack(np.indices(grid.shape), axis=-1)).reshape(-1, 3)
    half = np.abs(grid.affine[:3, :3]).sum(axis=1) / 2  # how far a voxel's corners reach from its centre
    low, high = grid.bounds
    np.testing.assert_allclose(low, centers.min(axis=0) - half, atol=1e-9)
    np.testing.assert_allclose(high, centers.max(axis=0) + half, atol=1e-9)
    np.testing.assert_allclose(grid.center, (low + high) / 2, atol=1e-9)
    assert grid.n_voxels == len(centers)


def test_a_grid_of_one_voxel_has_its_size():
    low, high = Grid.axis_aligned((1, 1, 1), (1, 2, 3), (10, 20, 30)).bounds
    np.testing.assert_allclose(low, [9.5, 19, 28.5])
    np.testing.assert_allclose(high, [10.5, 21, 31.5])


def test_matches_tolerates_rounding_and_nothing_more():
    grid = Grid.axis_aligned((100, 100, 100), 1.0)
    assert grid.matches(Grid.axis_aligned((100, 100, 100), 1.0, (0.005, 0, 0)))
    assert not grid.matches(Grid.axis_aligned((100, 100, 100), 1.0, (0.02, 0, 0)))
    assert not grid.matches(Grid.axis_aligned((100, 100, 100), 1.001))
    assert not grid.matches(Grid.axis_aligned((100, 100, 101), 1.0))


def test_shear_is_not_orthogonal_and_a_tilt_is_not_aligned():
    sheared, tilted = np.eye(4), np.eye(4)
    sheared[0, 1] = 0.1
    tilted[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert not Grid((2, 2, 2), sheared).is_orthogonal()
    assert Grid((2, 2, 2), tilted).is_orthogonal()
    assert not Grid((2, 2, 2), tilted).is_axis_aligned()


@pytest.mark.parametrize(
    ("shape", "affine", "message"),
    [
        ((2, 2), np.eye(4), "three counts"),
        ((2, 0, 2), np.eye(4), "three counts"),
        ((2, 2, 2), np.eye(3), "4x4"),
        ((2, 2, 2), np.diag([1, np.nan, 1, 1]), "finite"),
        ((2, 2, 2), np.diag([1, 1, 1, 2]), "last row"),
        ((2, 2, 2), np.diag([1, 0, 1, 1]), "singular"),
        ((2, 2, 2), np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
    ],
)
def test_what_is_no_grid_is_refused(shape, affine, message):
    with pytest.raises(GeometryError, match=message):
        Grid(shape, affine)


def test_a_grid_neither_shares_nor_lends_its_affine():
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 0] = 5
    assert grid.spacing[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 5


def test_a_grid_says_what_it_is():
    assert str(Grid.axis_aligned((512, 512, 133), (0.703125, 0.703125, 2.5), (1, 2, 3))) == (
        "512x512x133 voxels of 0.7031x0.7031x2.5 mm, RAS, first voxel at (1.00, 2.00, 3.00) mm"
    )
