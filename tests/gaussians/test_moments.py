"""Moments of blocks against a plain computation voxel by voxel."""

from dataclasses import replace

import numpy as np
import pytest

from tomosplat.gaussians import BlockMoments, block_moments
from tomosplat.geometry import Grid
from tomosplat.volume.volume import OpticalVolume

from .conftest import MakeVolume


def reference_entry(optical: OpticalVolume, low: np.ndarray, width: int, label: int) -> tuple[np.ndarray, ...]:
    """Mean (mm), covariance (mm²), mean extinction and colour of one label in the voxels from ``low``."""
    index = low + np.stack(np.meshgrid(*[np.arange(width)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    index = index[(index < optical.grid.shape).all(axis=1)]
    index = index[optical.labels[tuple(index.T)] == label]
    sigma = optical.extinction[tuple(index.T)].astype(np.float64)
    points = optical.grid.to_world(index)
    mean = (sigma[:, None] * points).sum(axis=0) / sigma.sum()
    offsets = points - mean
    voxel = optical.grid.affine[:3, :3] @ optical.grid.affine[:3, :3].T / 12
    cov = np.einsum("n,ni,nj->ij", sigma, offsets, offsets) / sigma.sum() + voxel
    opacity = -np.expm1(-sigma * optical.grid.spacing.mean())
    rgb = (opacity[:, None] * optical.rgb[tuple(index.T)]).sum(axis=0) / opacity.sum()
    return mean, cov, sigma.sum() / width**3, rgb


def random_volume(shape: tuple[int, int, int], grid: Grid, seed: int = 0) -> OpticalVolume:
    rng = np.random.default_rng(seed)
    extinction = rng.uniform(0.05, 3, shape) * (rng.uniform(size=shape) < 0.6)
    labels = rng.choice([7, 200], shape)
    return OpticalVolume(
        extinction.astype(np.float32), rng.uniform(size=(*shape, 3)).astype(np.float32), labels.astype(np.uint8), grid
    )


@pytest.mark.parametrize("shape", [(8, 6, 10), (7, 5, 9)])
def test_entries_equal_the_plain_computation(shape: tuple[int, int, int]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = 1.5 * np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]])
    affine[:3, 3] = (40, -20, 300)
    optical = random_volume(shape, Grid(shape, affine))
    moments = block_moments(optical)
    blocks = np.rint((optical.grid.to_index(moments.centers) - 0.5) / 2).astype(int)
    expected_pairs = {(*index // 2, optical.labels[tuple(index)]) for index in np.argwhere(optical.extinction > 0)}
    assert {(*block, label) for block, label in zip(blocks, moments.labels, strict=True)} == expected_pairs
    for n, block in enumerate(blocks):
        mean, cov, extinction, rgb = reference_entry(optical, 2 * block, 2, moments.labels[n])
        np.testing.assert_allclose(moments.means[n], mean, atol=1e-4)
        np.testing.assert_allclose(moments.covs[n], cov, atol=1e-4)
        np.testing.assert_allclose(moments.extinctions[n], extinction, rtol=1e-5)
        np.testing.assert_allclose(moments.rgb[n], rgb, atol=1e-5)


def test_a_full_block_has_the_moments_of_a_cube(make_volume: MakeVolume) -> None:
    moments = block_moments(make_volume(np.full((2, 2, 2), 0.5)))
    np.testing.assert_allclose(moments.covs[0], np.eye(3) * 3.0**2 / 12, atol=1e-5)
    np.testing.assert_allclose(moments.means, moments.centers)
    assert moments.pitches.tolist() == [3.0]


def test_organs_that_share_a_block_keep_their_own_place_and_colour(make_volume: MakeVolume) -> None:
    labels = np.ones((2, 2, 2), int)
    labels[1] = 2
    rgb = np.zeros((2, 2, 2, 3))
    rgb[0, ..., 0] = rgb[1, ..., 2] = 1
    moments = block_moments(make_volume(np.full((2, 2, 2), 1.0), labels, rgb))
    order = np.argsort(moments.labels)
    assert moments.labels[order].tolist() == [1, 2]
    np.testing.assert_allclose(moments.rgb[order], [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(np.diff(moments.means[order], axis=0), [[1.5, 0, 0]], atol=1e-5)


def test_thin_matter_is_merged_without_losing_any(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(0)
    extinction = rng.uniform(0.0004, 0.004, (32, 32, 32))
    optical = make_volume(extinction)
    moments = block_moments(optical)
    assert moments.pitches.min() > 3
    mass = moments.extinctions * moments.pitches**3
    assert mass.sum() == pytest.approx(extinction.sum() * 1.5**3, rel=1e-4)
    widths = np.rint(moments.pitches / 1.5).astype(int)
    lows = np.rint(optical.grid.to_index(moments.centers) - (widths[:, None] - 1) / 2).astype(int)
    for n in range(0, len(moments), 7):
        mean, cov, sigma, _ = reference_entry(optical, lows[n], widths[n], 1)
        np.testing.assert_allclose(moments.means[n], mean, atol=1e-3)
        np.testing.assert_allclose(moments.covs[n], cov, atol=1e-2)
        np.testing.assert_allclose(moments.extinctions[n], sigma, rtol=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0.05, 3), (0.0004, 0.004)])  # thick, and so thin that blocks are merged
def test_values_are_averaged_as_positions_are(make_volume: MakeVolume, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    optical = make_volume(rng.uniform(low, high, (16, 16, 16)), rng.choice([7, 200], (16, 16, 16)))
    # Then the mean value is the mean place along the first index.
    values = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None, None], (16, 16, 16))
    moments = block_moments(replace(optical, values=values))
    assert moments.values is not None
    np.testing.assert_allclose(moments.values, optical.grid.to_index(moments.means)[:, 0], atol=1e-4)
    assert block_moments(optical).values is None


def test_invisible_matter_is_left_out(make_volume: MakeVolume) -> None:
    assert len(block_moments(make_volume(np.zeros((4, 4, 4))))) == 0
    assert len(block_moments(make_volume(np.full((4, 4, 4), 1e-7)))) == 0
    assert len(block_moments(make_volume(np.full((4, 4, 4), 0.001)), n_widths=1)) == 0


def ball(make_volume: MakeVolume) -> tuple[BlockMoments, np.ndarray, np.ndarray]:
    """Moments of a ball of 18 mm, and direction and distance of each from its middle."""
    offsets = (np.stack(np.indices((40, 40, 40)), axis=-1) - 19.5) * 1.5
    optical = make_volume((np.linalg.norm(offsets, axis=-1) < 18) * 1.0)
    moments = block_moments(optical)
    from_middle = moments.means - optical.grid.center
    distance = np.linalg.norm(from_middle, axis=1)
    return moments, from_middle / distance[:, None], distance


def test_normals_point_out_of_solids_and_vanish_inside(make_volume: MakeVolume) -> None:
    moments, direction, distance = ball(make_volume)
    length = np.linalg.norm(moments.normals, axis=1)
    assert length[distance < 8].max() < 0.05
    skin = distance > 15.5
    assert length[skin].min() > 0.5
    cosine = (moments.normals * direction).sum(axis=1)[skin] / length[skin]
    assert cosine.min() > 0.9


def test_normals_turn_with_the_grid(make_volume: MakeVolume) -> None:
    extinction = np.zeros((12, 12, 12))
    extinction[:, :, :6] = 1
    optical = make_volume(extinction)
    upside_down = Grid(optical.grid.shape, optical.grid.affine @ np.diag([1, 1, -1, 1.0]))
    turned = OpticalVolume(optical.extinction, optical.rgb, optical.labels, upside_down)
    for volume, up in ((optical, 1), (turned, -1)):
        moments = block_moments(volume)
        top = volume.grid.to_index(moments.means)[:, 2] > 4
        # Matter ends at the edge of the grid, too; towards the four sides that cancels.
        mean = moments.normals[top].mean(axis=0)
        np.testing.assert_allclose(mean / np.linalg.norm(mean), [0, 0, up], atol=1e-3)
        assert np.linalg.norm(mean) > 0.4
