"""Ordinary 3D Gaussians that look like a 6D scene on average over all view directions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.gaussians.conditioning import from_matrix, to_matrix
from tomosplat.gaussians.scene import GaussianScene
from tomosplat.geometry import fibonacci_directions

_N_DIRECTIONS = 64


@dataclass(frozen=True, eq=False)
class OrdinaryGaussians:
    """N Gaussians that do not depend on the view direction.

    Attributes:
        means: [N, 3] mm.
        scales: [N, 3] mm, standard deviations along the Gaussian's own axes.
        quats: [N, 4] wxyz, unit, the rotation from its own axes to the world.
        opacities: [N].
    """

    means: Tensor
    scales: Tensor
    quats: Tensor
    opacities: Tensor


def approximate_3dgs(scene: GaussianScene) -> OrdinaryGaussians:
    """Match the moments over 64 evenly spread view directions v, each weighted by w(v), its share of the opacity.

    mean = E_w[μ(v)], covariance = Σ' + Cov_w[μ(v)], opacity = o · mean of w(v).
    """
    weight, center, spread = _moments_of_direction(scene)
    # μ(v) = μ + G (v − μ_d), so its moments are those of v carried over by the gain.
    means = scene.means + (scene.gains @ (center - scene.means_dir)[:, :, None])[:, :, 0]
    covs = to_matrix(scene.covs) + scene.gains @ spread @ scene.gains.mT
    variances, axes = torch.linalg.eigh(covs)
    axes = axes * torch.linalg.det(axes).sign()[:, None, None]
    scales = variances.clamp_min(1e-12).sqrt()
    return OrdinaryGaussians(means, scales, quaternions(axes), scene.opacities * weight)


def _moments_of_direction(scene: GaussianScene) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of w(v) [N], and mean [N, 3] and covariance [N, 3, 3] of v under it."""
    v = torch.as_tensor(fibonacci_directions(_N_DIRECTIONS, 1.0)).to(scene.means)
    squares = from_matrix(v[:, :, None] * v[:, None, :])
    # xᵀ P x with x = v − μ_d, spread out so that it is one product over all Gaussians and directions.
    projected = (to_matrix(scene.precisions_dir) @ scene.means_dir[:, :, None])[:, :, 0]
    constant = (projected * scene.means_dir).sum(dim=1, keepdim=True)
    twice_off_diagonal = squares * torch.tensor([1, 2, 2, 1, 2, 1]).to(squares)
    mahalanobis = scene.precisions_dir @ twice_off_diagonal.T - 2 * projected @ v.T + constant
    weights = torch.exp(-scene.direction_weight * mahalanobis)
    total = weights.sum(dim=1, keepdim=True)
    shares = weights / total
    center = shares @ v
    spread = to_matrix(shares @ squares) - center[:, :, None] * center[:, None, :]
    return total[:, 0] / _N_DIRECTIONS, center, spread


def quaternions(rotations: Tensor) -> Tensor:
    """Unit quaternions [N, 4] (w, x, y, z; w ≥ 0) of rotation matrices [N, 3, 3] (Shepperd's method)."""
    m00, m11, m22 = rotations[:, 0, 0], rotations[:, 1, 1], rotations[:, 2, 2]
    squares = torch.stack([1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], dim=1)
    r = rotations
    wx, wy, wz = r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]
    xy, xz, yz = r[:, 1, 0] + r[:, 0, 1], r[:, 0, 2] + r[:, 2, 0], r[:, 2, 1] + r[:, 1, 2]
    # Row c is 4 q_c q; the row of the largest component is the one that is not ill-conditioned.
    rows = torch.stack(
        [
            torch.stack([squares[:, 0], wx, wy, wz], dim=1),
            torch.stack([wx, squares[:, 1], xy, xz], dim=1),
            torch.stack([wy, xy, squares[:, 2], yz], dim=1),
            torch.stack([wz, xz, yz, squares[:, 3]], dim=1),
        ],
        dim=1,
    )
    best = rows[torch.arange(len(rotations)), squares.argmax(dim=1)]
    unit = best / best.norm(dim=1, keepdim=True)
    return torch.where(unit[:, :1] < 0, -unit, unit)
