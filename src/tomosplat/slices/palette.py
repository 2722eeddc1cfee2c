"""Labels as colours, for a semantic head that draws pictures (the tri-plane paper)."""

from __future__ import annotations

import colorsys

import torch
from torch import Tensor


def palette(n: int) -> Tensor:
    """[n, 3] colours that differ as much as they can; the first, the background, is black."""
    golden = 0.618034
    hues = [colorsys.hsv_to_rgb(i * golden % 1, 1.0 if i % 2 else 0.55, 1.0 if i % 3 else 0.7) for i in range(n - 1)]
    return torch.tensor([(0.0, 0.0, 0.0), *hues], dtype=torch.float32)[:n]


def nearest_class(colours: Tensor, n: int) -> Tensor:
    """[...] which of n classes has the colour nearest to colours [..., 3]."""
    return (colours[..., None, :] - palette(n).to(colours.device)).square().sum(dim=-1).argmin(dim=-1)
