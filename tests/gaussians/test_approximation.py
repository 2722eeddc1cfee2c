"""Ordinary Gaussians in place of 6D ones."""

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from tomosplat.gaussians import GaussianScene, approximate_3dgs, condition_on_direction, conditional_parts, to_matrix
from tomosplat.gaussians.approximation import quaternions
from tomosplat.geometry import fibonacci_directions


def random_scene(n: int = 20) -> GaussianScene:
    rng = torch.Generator().manual_seed(0)
    parts = conditional_parts(torch.rand(n, 6, generator=rng).double() + 0.5, torch.rand(n, 15, generator=rng).double())
    means_dir = torch.randn(n, 3, generator=rng).double()
    return GaussianScene(
        means=torch.randn(n, 3, generator=rng).double() * 50,
        means_dir=means_dir / means_dir.norm(dim=1, keepdim=True),
        covs=parts.covs,
        gains=parts.gains,
        precisions_dir=parts.precisions_dir,
        opacities=torch.rand(n, generator=rng).double(),
        sh=torch.zeros(n, 4, 3).double(),
        labels=torch.ones(n, dtype=torch.uint8),
    )


def covariances(scales: torch.Tensor, quats: torch.Tensor) -> torch.Tensor:
    rotations = torch.from_numpy(Rotation.from_quat(quats.numpy(), scalar_first=True).as_matrix())
    return rotations @ torch.diag_embed(scales**2) @ rotations.mT


def test_moments_equal_averages_over_views() -> None:
    scene = random_scene()
    found = approximate_3dgs(scene)
    views = []
    for direction in torch.from_numpy(fibonacci_directions(64, 1.0)):
        # A camera a million mm away sees every Gaussian along the same direction.
        camera = -1e6 * direction
        at_origin = torch.zeros_like(scene.means)
        shift, opacity = condition_on_direction(
            at_origin, scene.means_dir, scene.gains, scene.precisions_dir, scene.opacities, camera, 0.35
        )
        views.append((shift, opacity))
    shifts, opacities = (torch.stack(parts) for parts in zip(*views, strict=True))
    shares = opacities / opacities.sum(dim=0)
    mean = (shares[:, :, None] * shifts).sum(dim=0)
    spread = torch.einsum("vn,vni,vnj->nij", shares, shifts - mean, shifts - mean)
    torch.testing.assert_close(found.means, scene.means + mean, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.opacities, opacities.mean(dim=0), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(covariances(found.scales, found.quats), to_matrix(scene.covs) + spread)


def test_without_view_dependence_nothing_changes() -> None:
    scene = random_scene()
    scene = replace(scene, gains=torch.zeros_like(scene.gains), precisions_dir=torch.zeros_like(scene.precisions_dir))
    found = approximate_3dgs(scene)
    torch.testing.assert_close(found.means, scene.means)
    torch.testing.assert_close(found.opacities, scene.opacities)
    torch.testing.assert_close(covariances(found.scales, found.quats), to_matrix(scene.covs))


def test_quaternions_equal_scipys_near_every_singularity() -> None:
    angles = [0, 1e-7, 1e-3, 1.0, np.pi / 2, np.pi - 1e-7, np.pi]
    axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, -2, 0.1]]
    vectors = np.array([np.array(axis) / np.linalg.norm(axis) * angle for axis in axes for angle in angles])
    matrices = Rotation.from_rotvec(vectors).as_matrix()
    found = quaternions(torch.from_numpy(matrices)).numpy()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert (found[:, 0] >= 0).all()
    np.testing.assert_allclose(Rotation.from_quat(found, scalar_first=True).as_matrix(), matrices, atol=1e-12)
