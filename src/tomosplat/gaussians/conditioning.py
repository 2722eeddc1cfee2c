"""Slicing a 6D Gaussian: the distribution of position given a view direction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.errors import ShapeError

#: (row, column) of the six independent entries of a symmetric 3x3 matrix, in storage order.
SYMMETRIC_ROWS = (0, 0, 0, 1, 1, 2)
SYMMETRIC_COLS = (0, 1, 2, 1, 2, 2)
_FULL_FROM_SIX = (0, 1, 2, 1, 3, 4, 2, 4, 5)


def to_matrix(entries: Tensor) -> Tensor:
    """Expand [..., 6] (xx, xy, xz, yy, yz, zz) to symmetric [..., 3, 3]."""
    return entries[..., list(_FULL_FROM_SIX)].reshape(*entries.shape[:-1], 3, 3)


def from_matrix(matrices: Tensor) -> Tensor:
    """Keep the six independent entries of symmetric [..., 3, 3]."""
    return matrices[..., SYMMETRIC_ROWS, SYMMETRIC_COLS]


@dataclass(frozen=True)
class ConditionalParts:
    """What a 6D covariance contributes to a scene (see ``GaussianScene``).

    Attributes:
        covs: [N, 6], covariance of position given direction.
        gains: [N, 3, 3], shift of the mean per unit of direction.
        precisions_dir: [N, 6], inverse covariance of direction.
    """

    covs: Tensor
    gains: Tensor
    precisions_dir: Tensor


def conditional_parts(diagonal: Tensor, lower: Tensor) -> ConditionalParts:
    """Condition the 6D covariance Σ = D (I+T)(I+T)ᵀ D, without forming or inverting Σ.

    With A = I + T_pp, B = T_dp, M = I + T_dd and S = B Bᵀ + M Mᵀ, the blocks of Σ give

    * Σpp − Σpd Σdd⁻¹ Σdp = D_p A [I + Bᵀ (M Mᵀ)⁻¹ B]⁻¹ Aᵀ D_p
    * Σpd Σdd⁻¹           = D_p A Bᵀ S⁻¹ D_d⁻¹
    * Σdd⁻¹               = D_d⁻¹ S⁻¹ D_d⁻¹

    (6DGS eq. 3 to 7; the factored forms stay accurate however unequal the scales are.)

    Args:
        diagonal: [N, 6] > 0, the Cholesky factor's diagonal: position in mm, then direction.
        lower: [N, 15] in −1..1, its strict lower triangle divided by the diagonal of the same row, row by row.

    Differentiable in both.

    Raises:
        ShapeError: The shapes are not [N, 6] and [N, 15].
    """
    n = diagonal.shape[0]
    if tuple(diagonal.shape) != (n, 6) or tuple(lower.shape) != (n, 15):
        raise ShapeError(
            f"expected diagonal [N, 6] and lower [N, 15], got {tuple(diagonal.shape)} and {tuple(lower.shape)}"
        )
    rows, cols = torch.tril_indices(6, 6, offset=-1, device=diagonal.device)
    T = diagonal.new_zeros(n, 6, 6).index_put((torch.arange(n, device=diagonal.device)[:, None], rows, cols), lower)
    identity = torch.eye(3, dtype=diagonal.dtype, device=diagonal.device)
    A, B, M = identity + T[:, :3, :3], T[:, 3:, :3], identity + T[:, 3:, 3:]
    scale_pos, scale_dir = diagonal[:, :3], diagonal[:, 3:]

    M_inv_B = torch.linalg.solve_triangular(M, B, upper=False, unitriangular=True)
    inner = torch.linalg.cholesky(identity + M_inv_B.mT @ M_inv_B)
    half = scale_pos[:, :, None] * torch.linalg.solve_triangular(inner, A.mT, upper=False).mT
    S = torch.linalg.cholesky(B @ B.mT + M @ M.mT)
    gain = scale_pos[:, :, None] * (A @ B.mT @ torch.cholesky_inverse(S)) / scale_dir[:, None, :]
    precision = torch.cholesky_inverse(S) / (scale_dir[:, :, None] * scale_dir[:, None, :])
    return ConditionalParts(from_matrix(half @ half.mT), gain, from_matrix(precision))


def condition_on_direction(
    means: Tensor,
    means_dir: Tensor,
    gains: Tensor,
    precisions_dir: Tensor,
    opacities: Tensor,
    camera_position: Tensor,
    direction_weight: float,
) -> tuple[Tensor, Tensor]:
    """Means [N, 3] and opacities [N] of Gaussians as seen from ``camera_position`` [3].

    Differentiable in all tensors. A camera exactly on a mean sees it along ``means_dir``.
    """
    offsets = means - camera_position
    distances = offsets.norm(dim=-1, keepdim=True)
    directions = torch.where(distances > 0, offsets / distances.clamp_min(1e-12), means_dir)
    x = directions - means_dir
    shifted = means + (gains @ x[:, :, None])[:, :, 0]
    mahalanobis = (x[:, None, :] @ to_matrix(precisions_dir) @ x[:, :, None])[:, 0, 0]
    return shifted, opacities * torch.exp(-direction_weight * mahalanobis)
