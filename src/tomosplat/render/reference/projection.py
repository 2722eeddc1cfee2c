"""Projection of 6D Gaussians, in plain PyTorch: the truth that the kernels are tested against."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.errors import UnitsError
from tomosplat.gaussians import GaussianScene, condition_on_direction, to_matrix
from tomosplat.geometry import SH_C0, SH_C1
from tomosplat.render.constants import LOW_PASS_PX2
from tomosplat.render.projection import frustum_limits


@dataclass(frozen=True)
class Projected:
    """Gaussians on the image plane.

    Attributes:
        centers: [N, 2] px.
        conics: [N, 2, 2], inverse of the low-passed covariance, 1/px².
        depths: [N] mm along the camera's axis.
        opacities: [N], given the view direction.
        colours: [N, 3].
    """

    centers: Tensor
    conics: Tensor
    depths: Tensor
    opacities: Tensor
    colours: Tensor


def project(scene: GaussianScene, viewmat: Tensor, K: Tensor, width: int, height: int) -> Projected:
    """Condition on the view direction and project; differentiable in every tensor of the scene.

    The mean is shifted and the opacity weighted at the unshifted mean's direction; colour is looked up along the
    direction of the shifted mean. The covariance goes through the perspective's Jacobian at the shifted mean, whose
    x/z and y/z are held within 1.3 times the frustum (EWA Splatting, eq. 26 to 31; 3D Gaussian Splatting, eq. 5).

    Raises:
        UnitsError: A covariance is too thin for float64.
    """
    rotation, translation = viewmat[:3, :3], viewmat[:3, 3]
    position = -rotation.T @ translation
    means, opacities = condition_on_direction(
        scene.means,
        scene.means_dir,
        scene.gains,
        scene.precisions_dir,
        scene.opacities,
        position,
        scene.direction_weight,
    )
    local = (means - position) @ rotation.T
    depths = local[:, 2]
    slopes = local[:, :2] / depths[:, None]
    focal, center = K[(0, 1), (0, 1)], K[:2, 2]
    low, high = torch.tensor(
        [frustum_limits(float(focal[a]), float(center[a]), size) for a, size in enumerate((width, height))],
        dtype=K.dtype,
    ).unbind(-1)
    held = torch.minimum(torch.maximum(slopes, low), high)
    # Rows (1, 0, −x/z) and (0, 1, −y/z), times focal length over z.
    axes = torch.eye(2, dtype=K.dtype).expand(len(means), 2, 2)
    jacobian = torch.cat([axes, -held[:, :, None]], dim=2) * (focal / depths[:, None])[:, :, None]
    to_image = jacobian @ rotation
    covariances = to_image @ to_matrix(scene.covs) @ to_image.mT + LOW_PASS_PX2 * torch.eye(2, dtype=K.dtype)
    conics, failed = torch.linalg.inv_ex(covariances)
    if bool(failed.any()):
        raise UnitsError(
            f"Gaussian {int(failed.nonzero()[0])} of {len(means)} has a projected covariance that float64 cannot "
            "invert; its axes differ too much in length"
        )
    return Projected(
        centers=slopes * focal + center,
        conics=conics,
        depths=depths,
        opacities=opacities,
        colours=view_colours(scene.sh, means - position),
    )


def view_colours(sh: Tensor, offsets: Tensor) -> Tensor:
    """Colours [N, 3] of spherical harmonics [N, 4, 3] seen along ``offsets`` [N, 3] from the camera."""
    x, y, z = torch.nn.functional.normalize(offsets, dim=-1).unbind(-1)
    basis = torch.stack([SH_C0 * torch.ones_like(x), -SH_C1 * y, SH_C1 * z, -SH_C1 * x], dim=-1)
    return (0.5 + (basis[:, :, None] * sh).sum(dim=1)).clamp_min(0)
