"""The generalised renderer in plain PyTorch, sample after sample: slow, float64, and written to be read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays

#: Places [..., 3] in index coordinates → emission [..., N] and absorption [...] per d_v.
Classify = Callable[[Tensor], tuple[Tensor, Tensor]]


def march_reference(classify: Classify, rays: Rays, march: March) -> Tensor:
    """Accumulate all rays front to back (eq. 2 to 6); differentiable in whatever ``classify`` depends on.

    Returns:
        [C, H, W, N + 1]: the accumulated channels and opacity.
    """
    passing = torch.ones_like(rays.lengths)
    channels: Tensor = torch.zeros(())
    n_steps = int(torch.ceil(rays.lengths.max() / march.step)) + 1
    for i in range(n_steps):
        t = (rays.offsets + i) * march.step
        inside = (t < rays.lengths).to(t.dtype)
        emission, absorption = classify(rays.starts + t[..., None] * rays.directions)
        opacity = (1 - torch.exp(-absorption * march.step)) * inside
        weight = opacity if march.associated else march.step * inside
        channels = channels + (passing * weight)[..., None] * emission
        passing = passing * (1 - opacity)
    return torch.cat([channels, (1 - passing)[..., None]], dim=-1)


def trilinear(volume: Tensor, places: Tensor) -> Tensor:
    """Interpolate [I, J, K, N] at [..., 3] index coordinates; the outermost voxels go on beyond their centres."""
    last = torch.tensor(volume.shape[:3]) - 1
    held = torch.minimum(places.clamp(min=0), last)
    low = torch.minimum(held.detach().floor().long(), (last - 1).clamp(min=0))
    fraction = held - low
    total = torch.zeros((*places.shape[:-1], volume.shape[3]), dtype=places.dtype)
    for corner in torch.cartesian_prod(*(torch.arange(2),) * 3):
        at = torch.minimum(low + corner, last)
        weight = torch.where(corner == 1, fraction, 1 - fraction).prod(dim=-1)
        total = total + weight[..., None] * volume[at[..., 0], at[..., 1], at[..., 2]]
    return total


def look_up(table: Tensor, values: Tensor) -> Tensor:
    """Interpolate a table [M, N] over values in 0..1 linearly; values beyond are held."""
    last = table.shape[0] - 1
    at = values.clamp(0, 1) * last
    low = at.detach().floor().long().clamp(max=last - 1)
    fraction = (at - low)[..., None]
    return table[low] * (1 - fraction) + table[low + 1] * fraction
