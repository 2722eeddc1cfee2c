"""Marched light against closed forms."""

import math

import numpy as np
import pytest

from tomosplat.errors import GeometryError, ShapeError
from tomosplat.geometry import Grid
from tomosplat.lighting import AreaLight, LightRig, march_rays
from tomosplat.lighting.coarse import coarsen_extinction
from tomosplat.volume.volume import OpticalVolume

from .conftest import MakeVolume

AMBIENT = LightRig("ambient", (0.5, 0.6, 0.7), ())
DISTANCE = 1000.0


def lamp(direction: tuple[float, float, float], half_size: float = 10.0) -> LightRig:
    """A white lamp so far away that its rays are parallel."""
    position = np.array(direction) / np.linalg.norm(direction) * DISTANCE
    return LightRig("lamp", (0, 0, 0), (AreaLight("lamp", tuple(position), half_size, (1, 1, 1)),))


#: Mean radiance in the open under ``lamp``: L · area / (4π distance²).
OPEN = (2 * 10) ** 2 / (4 * math.pi * DISTANCE**2)


def test_empty_space_dims_nothing(make_volume: MakeVolume) -> None:
    optical = make_volume(np.zeros((16, 16, 16)))
    points = np.array([[0, 0, 0], [8, -8, 3.0]])
    ambient = march_rays(optical, AMBIENT, points)
    np.testing.assert_allclose(ambient.radiance, [[0.5, 0.6, 0.7]] * 2, rtol=1e-5)
    np.testing.assert_allclose(ambient.exposure, 1, rtol=1e-5)
    np.testing.assert_allclose(march_rays(optical, lamp((1, 2, 3)), points).radiance, OPEN, rtol=3e-3)


@pytest.mark.parametrize("cosine", [1.0, 0.8, 0.6])
def test_slab_obeys_beer_lambert(make_volume: MakeVolume, cosine: float) -> None:
    extinction = np.zeros((120, 120, 40))
    extinction[:, :, 20:28] = 0.05
    optical = make_volume(extinction)
    rig = lamp((math.sqrt(1 - cosine**2), 0, cosine))
    lit = march_rays(optical, rig, [[0, 0, -20.0]], steps_per_voxel=4).radiance / OPEN
    # Within the slab the ray changes to the coarser grid, which blurs the slab's face.
    np.testing.assert_allclose(lit, math.exp(-0.05 * 8 * 1.5 / cosine), rtol=0.03)


def test_wall_shadows_only_what_is_behind_it(make_volume: MakeVolume) -> None:
    extinction = np.zeros((40, 40, 40))
    extinction[18:22, 10:30, 10:30] = 4.0
    optical = make_volume(extinction)
    points = [[-15, 0, 0], [15, 0, 0], [-15, 25, 0]]
    behind, before, beside = march_rays(optical, lamp((1, 0, 0)), points).radiance[:, 0] / OPEN
    assert behind < 1e-2
    assert before == pytest.approx(1, rel=1e-2)
    assert beside == pytest.approx(1, rel=1e-2)


def test_more_steps_converge(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(0)
    optical = make_volume(rng.uniform(0, 0.05, (32, 32, 32)))
    points = rng.uniform(-12, 12, (50, 3))
    rig = LightRig("both", AMBIENT.environment, lamp((1, 1, 2)).lights)
    one, two, four, eight = (
        march_rays(optical, rig, points, steps_per_voxel=n, n_directions=8).radiance for n in (1, 2, 4, 8)
    )
    errors = [np.abs(coarse - eight).mean() for coarse in (one, two, four)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]
    assert errors[0] < 0.01 * eight.mean()


def test_mirrored_scene_has_mirrored_light(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(1)
    half = rng.uniform(0, 0.3, (10, 20, 20))
    optical = make_volume(np.concatenate([half, half[::-1]]))
    points = rng.uniform(-10, 10, (30, 3))
    rig = lamp((0, 1, 1))
    left = march_rays(optical, rig, points).radiance
    np.testing.assert_allclose(march_rays(optical, rig, points * [-1, 1, 1]).radiance, left, rtol=2e-3, atol=1e-9)


def test_turning_scene_and_rig_together_changes_nothing(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(2)
    extinction = rng.uniform(0, 0.2, (20, 20, 20))
    points = rng.uniform(-10, 10, (30, 3))
    normals = rng.normal(size=(30, 3))
    normals /= 2 * np.linalg.norm(normals, axis=1, keepdims=True)
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # x → y, y → −x
    before = march_rays(make_volume(extinction), lamp((1, 0.2, 0.5)), points, normals).radiance
    turned = make_volume(np.rot90(extinction, axes=(0, 1)))
    after = march_rays(turned, lamp((-0.2, 1, 0.5)), points @ quarter.T, normals @ quarter.T).radiance
    np.testing.assert_allclose(after, before, rtol=2e-3)


def test_axes_of_the_grid_do_not_matter(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(3)
    optical = make_volume(rng.uniform(0, 0.2, (20, 20, 20)))
    flipped_affine = optical.grid.affine @ np.array([[-1, 0, 0, 19], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    flipped = OpticalVolume(
        np.ascontiguousarray(optical.extinction[::-1]), optical.rgb, optical.labels, Grid((20, 20, 20), flipped_affine)
    )
    points, normals = rng.uniform(-10, 10, (20, 3)), np.tile([0.6, 0, 0.3], (20, 1))
    both = [march_rays(volume, lamp((1, 1, 1)), points, normals).radiance for volume in (optical, flipped)]
    np.testing.assert_allclose(both[1], both[0], rtol=2e-3)


def test_a_surface_facing_the_lamp_is_brighter_than_one_turned_away(make_volume: MakeVolume) -> None:
    optical = make_volume(np.zeros((16, 16, 16)))
    angles = np.radians([0, 45, 75, 100, 180])
    normals = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    lit = march_rays(optical, lamp((0, 0, 1)), np.zeros((5, 3)), normals).radiance[:, 0] / OPEN
    cosines = np.maximum(np.cos(angles), 0)
    np.testing.assert_allclose(lit, cosines / (cosines + 0.4), atol=5e-3)


def test_surface_under_an_even_sky_receives_the_mean_response(make_volume: MakeVolume) -> None:
    optical = make_volume(np.zeros((16, 16, 16)))
    lit = march_rays(optical, AMBIENT, np.zeros((1, 3)), [[0, 0, 1.0]]).radiance[0]
    cosines = (np.arange(10_000) + 0.5) / 10_000
    expected = 0.5 * (cosines / (cosines + 0.4)).mean()
    np.testing.assert_allclose(lit, expected * np.array(AMBIENT.environment), rtol=1e-4)


def test_coarse_grid_keeps_the_light_of_even_matter_and_of_gaps() -> None:
    even = coarsen_extinction(np.full((4, 4, 4), 0.3, np.float32), 1.5)
    np.testing.assert_allclose(even, 0.3, rtol=1e-5)
    beam = np.zeros((2, 2, 2), np.float32)
    beam[:, 0, 0] = 100  # one of four columns is blocked along x, two along y and z
    np.testing.assert_allclose(coarsen_extinction(beam, 1.5), -math.log((3 + 2 + 2) / 12) / 3, rtol=1e-5)
    assert coarsen_extinction(np.zeros((3, 4, 5), np.float32), 1.5).shape == (2, 2, 3)


def test_unusable_input_is_refused(make_volume: MakeVolume) -> None:
    optical = make_volume(np.zeros((4, 4, 4)))
    with pytest.raises(ShapeError, match=r"\[N, 3\]"):
        march_rays(optical, AMBIENT, [0, 0, 0])
    with pytest.raises(ShapeError, match=r"\[N, 3\]"):
        march_rays(optical, AMBIENT, np.zeros((2, 3)), np.zeros((3, 3)))
    slices = OpticalVolume(
        optical.extinction, optical.rgb, optical.labels, Grid.axis_aligned((4, 4, 4), (1, 1, 5), (0, 0, 0))
    )
    with pytest.raises(GeometryError, match="cubic"):
        march_rays(slices, AMBIENT, np.zeros((2, 3)))
