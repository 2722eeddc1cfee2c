"""N channels of a volume accumulated along rays by the opacity of its voxels."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.dvr.chunked import march_chunked
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays


def accumulate_volume(colors: Tensor, absorption: Tensor, rays: Rays, march: March) -> Tensor:
    """Interpolate emission and absorption between voxels and blend them front to back (eq. 5, 6, 10 to 12).

    Args:
        colors: [I, J, K, N] emission.
        absorption: [I, J, K] κ per voxel edge, not negative.
        rays: See :class:`Rays`; on the same device, in the same dtype.
        march: How the rays are sampled.

    Returns:
        [C, H, W, N + 1]: accumulated channels and opacity; differentiable in ``colors`` and ``absorption``.
    """
    both = torch.cat([colors, absorption[..., None]], dim=-1).movedim(-1, 0)
    return march_chunked(both, lambda f: f[..., :-1], lambda f: f[..., -1], rays, march)
