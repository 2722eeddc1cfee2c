"""Light that is marched to Gaussians, against what it stands for."""

import numpy as np
import pytest
from scipy.special import expn
from tests.render.pathtrace.scenes import volume

from tomosplat.gaussians import block_moments
from tomosplat.lighting import LightRig
from tomosplat.render import bake_light, march_blocks

FURNACE = LightRig("furnace", (1.0, 1.0, 1.0), ())


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.1])
def test_the_skin_of_translucent_matter_is_lit_from_within_too(sigma: float) -> None:
    """Under an even sky the mean light at depth t of a black slab of thickness T is [E2(t) + E2(T - t)] / 2."""
    n = 8
    slab = volume(np.full((64, 64, n), sigma), 0.0)
    blocks = block_moments(slab, n_widths=1)
    index = slab.grid.to_index(blocks.means)
    skin = (np.abs(index[:, :2] - 31.5) < 6).all(axis=1) & (index[:, 2] > n - 2)
    t = np.linspace(0, 2, 50) * sigma
    expected = np.mean(expn(2, t) + expn(2, n * sigma - t)) / 2
    np.testing.assert_allclose(march_blocks(slab, FURNACE, blocks)[skin].mean(), expected, rtol=0.05)


def test_dark_matter_on_white_is_lit_by_it_as_paths_find() -> None:
    sigma, rgb = np.full((32, 32, 16), 0.2), np.full((32, 32, 16, 3), 0.95)
    rgb[:, :, 14:] = 0.3
    marched, baked = [], []
    for scan in (volume(sigma, rgb), volume(sigma, 0.3)):
        blocks = block_moments(scan)
        index = scan.grid.to_index(blocks.means)
        skin = (np.abs(index[:, :2] - 15.5) < 8).all(axis=1) & (index[:, 2] > 14)
        marched.append(march_blocks(scan, FURNACE, blocks)[skin].mean())
        baked.append(bake_light(scan, FURNACE, blocks, n_lines=500_000).arriving[skin].mean())
    assert marched[1] == pytest.approx(baked[1], rel=0.1)
    # What lies deeper than the nearest blocks does not count, so not all of it is found.
    assert 1.1 * marched[1] < marched[0] < baked[0]


def test_matter_of_one_albedo_leaves_its_light_as_it_is_marched() -> None:
    """The series of ``shade`` is the whole of it: a black slab and a white one have the same J."""
    sigma = np.full((16, 16, 16), 0.3)
    scans = volume(sigma, 0.0), volume(sigma, 1.0)
    black, white = (march_blocks(scan, FURNACE, block_moments(scan)) for scan in scans)
    np.testing.assert_allclose(black, white, rtol=1e-4)
