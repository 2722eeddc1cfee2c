"""How much light Gaussians take away."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.render.random_scenes import random_scene

from tomosplat.gaussians import GaussianScene, block_moments, cross_sections, from_matrix, mean_sizes, to_matrix
from tomosplat.gaussians.priming import matched_gaussians
from tomosplat.volume import OpticalVolume

from .conftest import MakeVolume

BLOCK_MM = 3.0


def matched(optical: OpticalVolume) -> GaussianScene:
    """The Gaussians that stand for a volume, the same from every side."""
    blocks = block_moments(optical)
    covs, opacities = matched_gaussians(blocks)
    n = len(blocks)
    return GaussianScene(
        means=torch.from_numpy(blocks.means),
        means_dir=torch.tensor([0.0, -1, 0]).repeat(n, 1),
        covs=from_matrix(torch.from_numpy(covs)),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.zeros(n, 6),
        opacities=torch.from_numpy(opacities),
        sh=torch.zeros(n, 4, 3),
        labels=torch.from_numpy(blocks.labels),
    )


def test_sizes_are_those_of_the_eigenvalues() -> None:
    scene = random_scene()
    x, y, z = torch.linalg.eigvalsh(to_matrix(scene.covs)).T
    torch.testing.assert_close(mean_sizes(scene) ** 4, (x * y + x * z + y * z) / 3, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("extinction", [0.02, 0.1, 3.0])
def test_a_block_takes_away_what_its_extinction_does(make_volume: MakeVolume, extinction: float) -> None:
    volume = np.zeros((24, 24, 24))
    volume[4:20, 4:20, 4:20] = extinction
    scene = matched(make_volume(volume))
    inside = (scene.means - scene.means.mean(dim=0)).abs().amax(dim=1) < 6
    expected = BLOCK_MM**2 * (1 - np.exp(-extinction * BLOCK_MM))
    np.testing.assert_allclose(cross_sections(scene)[inside], expected, rtol=0.1)


def test_what_is_seen_from_one_side_only_takes_away_less() -> None:
    scene = random_scene()
    assert (cross_sections(scene) < scene.opacities * 4 * mean_sizes(scene) ** 2).all()
