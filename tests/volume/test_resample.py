import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.errors import GeometryError, MemoryLimitError
from tomosplat.geometry import Grid
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.orientation import AxisOrder
from tomosplat.volume.resample import resample, resample_labels, working_grid

SEEDS = st.integers(0, 10_000)


def skewed_grid(seed: int) -> Grid:
    """Oblique, with unequal spacing and up to a tenth of shear."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = q @ (np.eye(3) + rng.uniform(-0.1, 0.1, (3, 3))) * rng.uniform(0.5, 3, 3)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    return Grid(tuple(int(n) for n in rng.integers(18, 30, 3)), affine)


def world(grid: Grid) -> np.ndarray:
    return grid.to_world(np.stack(np.indices(grid.shape), axis=-1))


def covering(source: Grid, spacing: float) -> Grid:
    """As ``working_grid``, but small grids are allowed."""
    low, high = source.bounds
    return Grid.axis_aligned(tuple(np.ceil((high - low) / spacing).astype(int)), spacing, low + spacing / 2)


def ramp(points: np.ndarray) -> np.ndarray:
    return points @ [1.5, -0.75, 2.0] + 40


def depth_inside(source: Grid, target: Grid) -> np.ndarray:
    """How many source voxels each target centre is away from the outermost source centres along i, j, k."""
    indices = source.to_index(world(target))
    return np.minimum(indices, np.asarray(source.shape) - 1 - indices)


@given(seed=SEEDS, spacing=st.floats(0.7, 3.0))
def test_a_ramp_in_the_world_stays_that_ramp_on_any_grid(seed, spacing):
    source = skewed_grid(seed)
    target = covering(source, spacing)
    result = resample(Volume(ramp(world(source)).astype(np.float32), source), target)
    reach = 1 + 1.5 * spacing / source.spacing  # more than three standard deviations of the pre-filter
    inside = np.all(depth_inside(source, target) > reach, axis=-1)
    np.testing.assert_allclose(result.values[inside], ramp(world(target))[inside], atol=2e-2)


def test_the_ramp_test_looks_at_many_voxels_and_would_see_half_a_voxel():
    source = skewed_grid(0)
    target = working_grid(source, 1.0)
    result = resample(Volume(ramp(world(source)).astype(np.float32), source), target)
    inside = np.all(depth_inside(source, target) > 4, axis=-1)
    assert inside.sum() > 1000
    moved = world(target) + np.array([0.5, 0, 0])
    assert np.abs(result.values - ramp(moved))[inside].min() > 0.7


def test_shrinking_by_two_puts_centres_in_the_middle_of_blocks():
    source = Grid.axis_aligned((32, 32, 32), 1.0, (5, 6, 7))
    target = working_grid(source, 2.0)
    np.testing.assert_allclose(source.to_index(target.origin), [0.5, 0.5, 0.5])
    assert target.shape == (16, 16, 16)
    first = np.indices(source.shape)[0].astype(np.float32)
    inner = resample(Volume(first, source), target).values[2:-2, 8, 8]
    np.testing.assert_allclose(inner, 2 * np.arange(2, 14) + 0.5, atol=1e-4)


@pytest.mark.parametrize(("unit", "outside"), [("HU", -1024), ("arbitrary", 100)])
def test_outside_the_scan_nothing_appears(unit, outside):
    source = Grid.axis_aligned((20, 20, 20), 1.0)
    values = np.full(source.shape, 700, np.float32)
    values[10, 10, 10] = 100
    target = Grid.axis_aligned((40, 40, 40), 1.0, (-10, -10, -10))
    result = resample(Volume(values, source, unit), target)
    inside = np.all(depth_inside(source, target) >= -0.49, axis=-1)
    np.testing.assert_allclose(result.values[~inside], outside)
    np.testing.assert_allclose(result.values[inside], values.ravel(), atol=1e-3)


def test_detail_finer_than_the_new_voxels_is_averaged_not_aliased():
    source = Grid.axis_aligned((64, 64, 64), 0.5)
    stripes = np.where(np.indices(source.shape)[0] % 2 == 0, 1000.0, -1000.0).astype(np.float32)
    # 0.5 mm stripes under 1.9 mm voxels: sampling alone would show beats of almost the full 1000.
    result = resample(Volume(stripes, source), working_grid(source, 1.9))
    assert np.abs(result.values[2:-2, 2:-2, 2:-2]).max() < 60


def test_axes_that_gain_resolution_are_not_smoothed():
    source = Grid.axis_aligned((64, 64, 20), (0.5, 0.5, 3.0))
    values = np.zeros(source.shape, np.float32)
    values[:, :, 10] = 100
    target = Grid.axis_aligned((18, 18, 20), (1.5, 1.5, 3.0), (2, 2, 0))
    np.testing.assert_allclose(resample(Volume(values, source), target).values[5, 5], values[0, 0], atol=1e-4)


@given(seed=SEEDS)
def test_a_blob_keeps_its_centroid_within_a_tenth_of_a_voxel(seed):
    source = skewed_grid(seed)
    center = source.center
    radius = 0.12 * float((np.asarray(source.shape) * source.spacing).min())
    blob = np.exp(-((np.linalg.norm(world(source) - center, axis=-1) / radius) ** 2)).astype(np.float32)
    target = covering(source, 1.5)
    result = resample(Volume(blob, source), target)
    centroid = (world(target) * result.values[..., None]).sum(axis=(0, 1, 2)) / result.values.sum()
    np.testing.assert_allclose(centroid, center, atol=0.15)


@given(seed=SEEDS)
def test_labels_are_those_of_the_voxel_that_holds_the_new_centre(seed):
    source = skewed_grid(seed)
    labels = np.random.default_rng(seed).integers(0, 118, source.shape).astype(np.uint8)
    target = covering(source, 2.0)
    indices = source.to_index(world(target))
    nearest = np.rint(indices).astype(int)
    inside = np.all((nearest >= 0) & (nearest < source.shape), axis=-1)
    expected = np.zeros(target.shape, np.uint8)
    expected[inside] = labels[tuple(nearest[inside].T)]
    tie = np.any(np.abs(indices - np.floor(indices) - 0.5) < 1e-4, axis=-1)  # on a face both voxels are right
    found = resample_labels(LabelMap(labels, source, {5: "liver"}), target)
    np.testing.assert_array_equal(found.values[~tie], expected[~tie])
    assert found.names == {5: "liver"}
    assert "nearest neighbour" in found.history[-1]


def test_all_48_orientations_of_a_scan_give_one_result():
    source = skewed_grid(7)
    volume = Volume(np.random.default_rng(0).normal(0, 300, source.shape).astype(np.float32), source)
    target = working_grid(source, 1.5)
    expected = resample(volume, target).values
    for axes in itertools.permutations(range(3)):
        for backwards in itertools.product((False, True), repeat=3):
            order = AxisOrder(axes, backwards)
            turned = Volume(order.apply(volume.values), order.grid(source))
            assert working_grid(turned.grid, 1.5).matches(target, 1e-6)
            np.testing.assert_allclose(resample(turned, target).values, expected, atol=0.02)


def test_the_scans_own_grid_changes_nothing():
    source = skewed_grid(1)
    volume = Volume(np.zeros(source.shape, np.float32), source)
    labels = LabelMap(np.zeros(source.shape, np.uint8), source)
    assert resample(volume, source) is volume
    assert resample_labels(labels, source) is labels


def test_what_was_done_is_written_down():
    source = Grid.axis_aligned((40, 40, 40), (0.7, 0.7, 2.5))
    volume = Volume(np.zeros(source.shape, np.float32), source, "HU", "CT", ("read",))
    result = resample(volume, working_grid(source))
    assert (result.unit, result.modality, result.history[0]) == ("HU", "CT", "read")
    assert "40x40x40 voxels of 0.7x0.7x2.5 mm" in result.history[1]
    assert "smoothing by 0.80, 0.80, 0.00 voxels" in result.history[1]
    assert "-1024 outside" in result.history[1]


def test_resampling_leaves_its_input_alone():
    source = Grid.axis_aligned((60, 60, 60), 0.5)
    values = np.random.default_rng(0).normal(size=source.shape).astype(np.float32)
    before = values.copy()
    resample(Volume(values, source), working_grid(source))
    np.testing.assert_array_equal(values, before)


@given(seed=SEEDS, spacing=st.floats(0.1, 0.5))
def test_the_working_grid_covers_the_scan_from_its_low_corner_with_whole_pairs(seed, spacing):
    source = skewed_grid(seed)
    grid = working_grid(source, spacing, memory_limit=10**15)
    np.testing.assert_allclose(grid.bounds[0], source.bounds[0], atol=1e-9)
    excess = grid.bounds[1] - source.bounds[1]
    assert np.all(excess > -1e-5)
    assert np.all(excess < 2 * spacing)
    assert all(n % 2 == 0 for n in grid.shape)
    assert grid.orientation == "RAS"
    assert grid.is_axis_aligned(1e-12)
    np.testing.assert_allclose(grid.spacing, spacing)


def test_an_extent_of_whole_voxels_gains_none():
    assert working_grid(Grid.axis_aligned((48, 72, 30), (0.1 + 0.2, 0.3, 1.0)), 0.3).shape == (48, 72, 100)


@pytest.mark.parametrize("spacing", [0, -1.5, float("nan"), float("inf")])
def test_an_impossible_spacing_is_refused(spacing):
    with pytest.raises(GeometryError, match="positive number of mm"):
        working_grid(Grid.axis_aligned((50, 50, 50), 1.0), spacing)


def test_too_few_voxels_are_refused_with_a_spacing_that_works():
    scan = Grid.axis_aligned((100, 100, 20), 1.0)
    with pytest.raises(GeometryError, match=r"only 68x68x14 voxels.*a spacing of 1\.33 mm"):
        working_grid(scan, 1.5)
    assert min(working_grid(scan, 1.33).shape) == 16


def test_too_many_voxels_are_refused_with_a_spacing_that_works():
    scan = Grid.axis_aligned((512, 512, 400), 0.8)
    with pytest.raises(MemoryLimitError, match=r"choose a spacing of 1\.32 mm"):
        working_grid(scan, 0.5, memory_limit=10**9)
    assert working_grid(scan, 1.32, memory_limit=10**9).n_voxels > 1e7
