"""Ray marching through tabulated transfer functions in plain PyTorch float64: the truth for gradients.

Emission and absorption as ``raymarch`` has them (Max 1995, eq. 9), without light and early termination.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from tomosplat.geometry import Grid
from tomosplat.render.reference.raymarch import Rays


def march_reference(
    values: Tensor, rows: Tensor, emission: Tensor, low: float, per_unit: float, rays: Rays, grid: Grid, step_mm: float
) -> Tensor:
    """Premultiplied RGBA [N, 4] of N rays; differentiable by autograd in ``values`` and ``emission``.

    Args:
        values: [I, J, K] float64.
        rows: [I, J, K], row of the table for each voxel.
        emission: [R, E, 4] float64, σ·rgb and σ in 1/mm at E even steps of the value.
        low: Value of the first entry.
        per_unit: Entries per unit of value.
        rays: N rays.
        grid: Where the voxels are.
        step_mm: Length of an interval.
    """
    near, far = torch.from_numpy(rays.near), torch.from_numpy(rays.far)
    origin, directions = torch.from_numpy(rays.origin), torch.from_numpy(rays.directions)
    last = torch.maximum(near, far)
    transmittance, rgb = torch.ones_like(near), near.new_zeros(len(near), 3)
    for number in range(int(torch.ceil((last - near).max() / step_mm))):
        begin = torch.minimum(near + number * step_mm, last)
        end = torch.minimum(begin + step_mm, last)
        points = origin + ((begin + end) / 2)[:, None] * directions
        emitted = _emitted(values, rows, emission, low, per_unit, torch.from_numpy(grid.to_index(points.numpy())))
        sigma = emitted[:, 3]
        opacity = -torch.expm1(-sigma * (end - begin))
        weight = torch.where(sigma > 0, opacity / sigma.clamp_min(1e-30), end - begin)
        rgb = rgb + (transmittance * weight)[:, None] * emitted[:, :3]
        transmittance = transmittance * (1 - opacity)
    return torch.cat([rgb, 1 - transmittance[:, None]], dim=1)


def _emitted(values: Tensor, rows: Tensor, emission: Tensor, low: float, per_unit: float, indices: Tensor) -> Tensor:
    """σ·rgb and σ [N, 4]: the interpolated value, classified by every voxel around and blended by their weights."""
    last = torch.tensor(values.shape) - 1
    inside = torch.minimum(indices.clamp_min(0), last)
    first = torch.minimum(inside.long(), (last - 1).clamp_min(0))
    fractions = inside - first
    corners = []
    for corner in itertools.product((0, 1), repeat=3):
        voxel = torch.minimum(first + torch.tensor(corner), last)
        weight = torch.where(torch.tensor(corner) == 1, fractions, 1 - fractions).prod(dim=1)
        corners.append((weight, voxel.unbind(1)))
    value = torch.stack([weight * values[at] for weight, at in corners]).sum(dim=0)
    place = ((value - low) * per_unit).clamp(0, emission.shape[1] - 1)
    entry = place.detach().long().clamp_max(emission.shape[1] - 2)
    fraction = (place - entry)[:, None]
    total = values.new_zeros(len(value), 4)
    for weight, at in corners:
        row = rows[at].long()
        classified = emission[row, entry] * (1 - fraction) + emission[row, entry + 1] * fraction
        total = total + weight[:, None] * classified
    return total
