"""Slices through Gaussians in plain PyTorch, float64: slow, and written to be read."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.gaussians import to_matrix
from tomosplat.geometry import SlicePlane
from tomosplat.render.constants import ALPHA_MAX, ALPHA_MIN, NORMALISED_FLOOR, TRANSMITTANCE_MIN


def slice_reference(
    means: Tensor,
    covs: Tensor,
    opacities: Tensor,
    values: Tensor,
    plane: SlicePlane,
    blending: str,
    *,
    smooth_cutoff: bool = False,
) -> tuple[Tensor, Tensor]:
    """One slice; differentiable by autograd in every tensor. Arguments and result as ``slice_gaussians``.

    Every Gaussian is evaluated in three dimensions at the pixels' centres: its mean and covariance given the plane,
    which the kernels work with, give the same numbers.
    """
    pixels = torch.from_numpy(plane.pixel_centers())
    offsets = pixels - means[:, None, None, :]
    exponents = torch.einsum("nhwi,nij,nhwj->nhw", offsets, torch.linalg.inv(to_matrix(covs)), offsets)
    weights = opacities[:, None, None] * torch.exp(-0.5 * exponents)
    heights = (means.detach() - torch.tensor(plane.affine[:3, 3])) @ torch.tensor(plane.normal)
    nearest_first = torch.argsort(heights.abs(), stable=True)
    return blend_reference(weights[nearest_first], values[nearest_first], blending, smooth_cutoff=smooth_cutoff)


def ellipses_reference(
    ellipses: Tensor, values: Tensor, height: int, width: int, blending: str, *, smooth_cutoff: bool = False
) -> tuple[Tensor, Tensor]:
    """One picture of 2D Gaussians in their order; arguments and result as ``blend_ellipses``."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    offsets = torch.stack([columns, rows], dim=-1).to(ellipses.dtype) - ellipses[:, None, None, :2]
    covs = ellipses[:, (2, 3, 3, 4)].reshape(-1, 2, 2)
    exponents = torch.einsum("nhwi,nij,nhwj->nhw", offsets, torch.linalg.inv(covs), offsets)
    weights = ellipses[:, 5, None, None] * torch.exp(-0.5 * exponents)
    return blend_reference(weights, values, blending, smooth_cutoff=smooth_cutoff)


def blend_reference(
    weights: Tensor, values: Tensor, blending: str, *, smooth_cutoff: bool = False
) -> tuple[Tensor, Tensor]:
    """Blend Gaussians of weights [N, H, W] and values [N, K]: pictures [H, W, K], and what covers them [H, W].

    ``smooth_cutoff`` leaves out every threshold, for they make pictures jump, which finite differences see.
    """
    if not smooth_cutoff:
        weights = torch.where(weights > ALPHA_MIN, weights, torch.zeros_like(weights))
    if blending != "alpha":
        total = weights.sum(dim=0)
        sums = torch.einsum("nhw,nk->hwk", weights, values)
        return (sums / (total + NORMALISED_FLOOR)[..., None] if blending == "normalised" else sums), total
    transmittance = weights.new_ones(weights.shape[1:])
    picture = weights.new_zeros(*weights.shape[1:], values.shape[1])
    for weight, value in zip(weights, values, strict=True):
        alpha = weight
        if not smooth_cutoff:
            alpha = torch.where(transmittance > TRANSMITTANCE_MIN, weight.clamp_max(ALPHA_MAX), 0)
        picture = picture + (alpha * transmittance)[..., None] * value
        transmittance = transmittance * (1 - alpha)
    return picture, 1 - transmittance
