"""Rays in plain PyTorch, chunk by chunk, each computed again for the gradient: for learned mappings of samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays

#: Samples that are in memory at a time.
CHUNK = 1 << 20

#: C: features [..., n_F] → emission [..., n_C].
ColorMapping = Callable[[Tensor], Tensor]
#: K: features [..., n_F] → absorption [...] per d_v, not negative.
OpacityMapping = Callable[[Tensor], Tensor]
#: A: emission of samples, Δt or opacity multiplied in, [R, S, n_C], and their opacities [R, S] → [R, n_C + 1].
Accumulation = Callable[[Tensor, Tensor], Tensor]


def blend(emissions: Tensor, opacities: Tensor) -> Tensor:
    """Alpha blending front to back (eq. 5, 6)."""
    left = torch.cumprod(1 - opacities, dim=1)
    passing = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    channels = torch.einsum("rs,rsc->rc", passing, emissions)
    return torch.cat([channels, 1 - left[:, -1:]], dim=1)


def march_chunked(
    features: Tensor,
    color: ColorMapping,
    opacity: OpacityMapping,
    rays: Rays,
    march: March,
    accumulate: Accumulation = blend,
    chunk: int = CHUNK,
) -> Tensor:
    """Sample features, map every sample and accumulate (eq. 9 to 12).

    Memory is that of ``chunk`` samples, whatever the number of rays; the backward pass computes each chunk again.

    Args:
        features: [n_F, I, J, K].
        color: C.
        opacity: K.
        rays: See :class:`Rays`; on the features' device, in their dtype.
        march: How the rays are sampled.
        accumulate: A.
        chunk: Samples at a time.

    Returns:
        [C, H, W, n_C + 1]: accumulated channels and opacity; differentiable in the features and whatever the mappings
        depend on.
    """
    starts, directions = rays.starts.reshape(-1, 3), rays.directions.reshape(-1, 3)
    lengths, offsets = rays.lengths.flatten(), rays.offsets.flatten()
    n_samples = int(torch.ceil(lengths.max() / march.step).clamp(min=1))
    size = max(1, chunk // n_samples)

    def part(features: Tensor, start: Tensor, direction: Tensor, length: Tensor, offset: Tensor) -> Tensor:
        steps = torch.arange(n_samples, device=length.device, dtype=length.dtype)
        t = (offset[:, None] + steps) * march.step
        inside = t < length[:, None]
        places = (start[:, None] + t[..., None] * direction[:, None])[inside]
        sampled = sample_features(features, places)
        emission = color(sampled)
        alpha = -torch.expm1(-opacity(sampled) * march.step)
        emission = emission * (alpha[:, None] if march.associated else march.step)
        emissions = emission.new_zeros((*inside.shape, emission.shape[-1])).index_put((inside,), emission)
        return accumulate(emissions, alpha.new_zeros(inside.shape).index_put((inside,), alpha))

    parts = [
        checkpoint(
            part, features, *(x[a : a + size] for x in (starts, directions, lengths, offsets)), use_reentrant=False
        )
        for a in range(0, len(lengths), size)
    ]
    result: Tensor = torch.cat(parts).reshape(*rays.lengths.shape, -1)
    return result


def sample_features(features: Tensor, places: Tensor) -> Tensor:
    """Interpolate [n_F, I, J, K] at [M, 3] index coordinates to [M, n_F]; the outermost voxels go on."""
    last = torch.tensor(features.shape[1:], device=places.device, dtype=places.dtype) - 1
    # grid_sample wants the last axis first, from −1 to 1 between the outermost centres.
    scaled = (2 * places / last.clamp(min=1) - 1).flip(-1)
    sampled = torch.nn.functional.grid_sample(
        features[None], scaled[None, :, None, None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return sampled[0, :, :, 0, 0].T
