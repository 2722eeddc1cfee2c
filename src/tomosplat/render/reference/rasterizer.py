"""Splatting in plain PyTorch, float64, one loop over the Gaussians: slow, and written to be read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.render.constants import ALPHA_MAX, ALPHA_MIN, NEAR_MM, TRANSMITTANCE_MIN
from tomosplat.render.reference.projection import Projected, project


@dataclass(frozen=True)
class Blended:
    """What one view ray collects, for every pixel.

    Attributes:
        rgba: [H, W, 4], premultiplied.
        depth: [H, W] mm, mean of the Gaussians' depths by weight; NaN where nothing was hit.
        weights: [H, W, N], what each Gaussian (nearest first) adds to alpha.
        order: [N], index of each of them.
    """

    rgba: Tensor
    depth: Tensor
    weights: Tensor
    order: Tensor


def rasterize_reference(
    scene: GaussianScene,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    *,
    smooth_cutoff: bool = False,
) -> Blended:
    """Render one view; differentiable by autograd in every tensor of the scene.

    Args:
        scene: Float64 Gaussians.
        viewmat: [4, 4] float64, world → camera.
        K: [3, 3] float64.
        width: Pixels.
        height: Pixels.
        smooth_cutoff: Leave out every threshold (alpha at least 1/255 and at most 0.99, transmittance above 1e-4),
            for they make the image jump, which finite differences see and gradients do not.
    """
    projected = project(scene, viewmat, K, width, height)
    order = torch.argsort(projected.depths, stable=True)
    order = order[projected.depths[order] >= NEAR_MM]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows], dim=-1).to(K.dtype) + 0.5

    transmittance = K.new_ones(height, width)
    colour = K.new_zeros(height, width, 3)
    depth = K.new_zeros(height, width)
    weights = []
    for i in order.tolist():
        alpha = _alpha(projected, i, pixels)
        if not smooth_cutoff:
            alpha = alpha.clamp_max(ALPHA_MAX)
            drawn = (alpha > ALPHA_MIN) & (transmittance > TRANSMITTANCE_MIN)
            alpha = torch.where(drawn, alpha, torch.zeros_like(alpha))
        weight = alpha * transmittance
        colour = colour + weight[:, :, None] * projected.colours[i]
        depth = depth + weight.detach() * projected.depths[i].detach()
        transmittance = transmittance - weight
        weights.append(weight.detach())
    alpha = 1 - transmittance
    return Blended(
        rgba=torch.cat([colour, alpha[:, :, None]], dim=2),
        depth=torch.where(alpha > 0, depth / alpha, torch.nan).detach(),
        weights=torch.stack(weights, dim=-1) if weights else K.new_zeros(height, width, 0),
        order=order,
    )


def _alpha(projected: Projected, i: int, pixels: Tensor) -> Tensor:
    """Opacity times the projected Gaussian at every pixel."""
    offsets = pixels - projected.centers[i]
    exponents = ((offsets @ projected.conics[i]) * offsets).sum(dim=-1)
    return projected.opacities[i] * torch.exp(-0.5 * exponents)
