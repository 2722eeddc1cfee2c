"""Light that is path-traced to Gaussians."""

import numpy as np
import pytest
import torch
from scipy.special import expn
from tests.render.pathtrace.scenes import DARK, ROOM, blobs, volume

from tomosplat.errors import InputError
from tomosplat.gaussians import block_moments, linear_to_srgb, shade, srgb_to_linear
from tomosplat.gaussians.shading import MAX_ALBEDO, MULTIPLE_SCATTERING
from tomosplat.lighting import AreaLight, LightRig
from tomosplat.render import bake_light
from tomosplat.volume import OpticalVolume

SKY = (0.4, 0.5, 0.6)
FURNACE = LightRig("furnace", SKY, ())


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_thin_matter_in_a_furnace_has_the_colour_of_albedo_times_sky(grey: float) -> None:
    cloud = volume(np.full((12, 12, 12), 2e-3), grey, spacing=1.5)
    blocks = block_moments(cloud)
    light = bake_light(cloud, FURNACE, blocks, n_lines=2_000_000)
    albedo = np.minimum(srgb_to_linear(np.float32(grey)), MAX_ALBEDO)
    seen = light.hits > 100
    assert seen.mean() > 0.5
    expected = (1 - MULTIPLE_SCATTERING * albedo) * np.array(SKY)
    np.testing.assert_allclose(light.arriving[seen], np.tile(expected, (seen.sum(), 1)), rtol=0.05)
    colours = shade(blocks.rgb[seen], light.arriving[seen], MULTIPLE_SCATTERING)
    assert np.abs(colours - linear_to_srgb(albedo * np.array(SKY))).max() < 0.02


def test_light_in_a_black_slab_falls_as_the_exponential_integral() -> None:
    """Single scattering under an even sky: J = [E2(t) + E2(T - t)] / 2, and where lines collide falls the same way."""
    sigma, n = 0.5, 8
    slab = volume(np.full((32, 32, n), sigma), 0.0)
    blocks = block_moments(slab)
    light = bake_light(slab, FURNACE, blocks, n_lines=3_000_000)
    index = slab.grid.to_index(blocks.means)
    middle = (np.abs(index[:, :2] - 15.5) < 7).all(axis=1)
    # 5 %: the four hits of the prior, among 300, pull the dark layers towards the bright ones.
    z = (np.arange(400) + 0.5) / 400 * n
    j = (expn(2, sigma * z) + expn(2, sigma * (n - z))) / 2
    # A collision belongs to a voxel by its trilinear weight.
    place = np.clip(z - 0.5, 0, n - 1)
    voxels = np.maximum(1 - np.abs(place[:, None] - np.arange(n)), 0)
    for layer in range(n // 2):
        weight = j * voxels[:, 2 * layer : 2 * layer + 2].sum(axis=1)
        chosen = middle & (np.rint((index[:, 2] - 0.5) / 2) == layer)
        mean = light.arriving[chosen].mean(axis=0) / SKY
        np.testing.assert_allclose(mean, (weight * j).sum() / weight.sum(), rtol=0.05)


def test_two_labels_in_a_block_have_light_of_their_own() -> None:
    sigma = np.zeros((16, 20, 20))
    sigma[8:10] = 20
    wall = volume(sigma, 0.5)
    labels = np.ones(sigma.shape, np.uint8)
    labels[9:] = 2
    wall = OpticalVolume(wall.extinction, wall.rgb, labels, wall.grid)
    lamp = LightRig("lamp", DARK, (AreaLight("lamp", (4.0, 0.0, 0.0), 0.5, (9.0, 9.0, 9.0)),))
    blocks = block_moments(wall)
    light = bake_light(wall, lamp, blocks, n_lines=200_000)
    towards, away = (light.arriving[blocks.labels == label].mean() for label in (2, 1))
    assert towards > 20 * away
    assert (light.hits > 0).all()


def test_threads_change_nothing_and_seeds_do() -> None:
    scan = volume(blobs((12, 13, 14)), (0.9, 0.6, 0.5))
    blocks, before = block_moments(scan), torch.get_num_threads()
    try:
        lights = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            lights.append(bake_light(scan, ROOM, blocks, n_lines=50_000))
    finally:
        torch.set_num_threads(before)
    for light in lights[1:]:
        np.testing.assert_array_equal(light.arriving, lights[0].arriving)
        np.testing.assert_array_equal(light.hits, lights[0].hits)
    other = bake_light(scan, ROOM, blocks, n_lines=50_000, seed=1)
    assert (other.arriving != lights[0].arriving).any()


def test_what_lies_deep_inside_is_not_hit_and_keeps_finite_light() -> None:
    sigma = np.zeros((24, 24, 24))
    sigma[2:22, 2:22, 2:22] = 5
    blocks = block_moments(volume(sigma, 0.7))
    light = bake_light(volume(sigma, 0.7), ROOM, blocks)
    depth = 10 - np.abs(blocks.means - blocks.means.mean(axis=0)).max(axis=1)
    assert (light.hits[depth > 6] == 0).all()
    assert (light.hits[depth < 1.5] > 0).all()
    assert np.isfinite(light.arriving).all()
    assert light.arriving.min() >= 0


def test_no_lines_and_no_light_are_refused() -> None:
    scan = volume(blobs((6, 6, 6)))
    blocks = block_moments(scan)
    with pytest.raises(InputError, match="n_lines must be at least 1, got 0"):
        bake_light(scan, ROOM, blocks, n_lines=0)
    with pytest.raises(InputError, match="dark"):
        bake_light(scan, LightRig("night", DARK, ()), blocks)
