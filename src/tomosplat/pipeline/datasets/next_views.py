"""Which views show most of what no earlier view has shown."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render import blended_sums

#: Pictures for this are small: what is hidden is hidden in them too.
_EDGE = 128


def most_unseen_first(scene: GaussianScene, cameras: Cameras, n: int) -> list[int]:
    """Indices of ``n`` cameras, each the one that adds most to Σ √(how much of a Gaussian has been seen).

    How much a camera sees of a Gaussian is its blending weight, summed over the pixels. The root makes what has hardly
    been seen count most; such sums have diminishing returns, for which choosing greedily is at least 1 − 1/e as good as
    choosing all at once (Nemhauser et al. 1978).
    """
    weights = torch.stack([_weights(scene, cameras[i : i + 1]) for i in range(len(cameras))])
    seen = torch.zeros(len(scene))
    order: list[int] = []
    for _ in range(min(n, len(cameras))):
        gains = (seen + weights).sqrt().sum(dim=1) - seen.sqrt().sum()
        gains[order] = -np.inf
        order.append(int(gains.argmax()))
        seen += weights[order[-1]]
    return order


def _weights(scene: GaussianScene, camera: Cameras) -> Tensor:
    scale = _EDGE / max(camera.width, camera.height)
    Ks = camera.Ks.copy()
    Ks[:, :2] *= scale
    small = Cameras(camera.viewmats, Ks, max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
    return blended_sums(scene, small, torch.ones(1, small.height, small.width, 3))[:, 0].float()
