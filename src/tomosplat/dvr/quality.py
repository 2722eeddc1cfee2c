"""How good pictures are."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tomosplat.metrics import psnr, ssim


class Quality(NamedTuple):
    """Means over pictures, of their colours over black."""

    ssim: float
    psnr: float  # dB


@torch.no_grad()
def quality_of(images: Tensor, targets: Tensor) -> Quality:
    """SSIM and PSNR of pictures [C, H, W, 4]; colours beyond white count as white."""
    shown, wanted = images[..., :3].clamp(0, 1).contiguous(), targets[..., :3].contiguous()
    return Quality(float(ssim(shown, wanted).mean()), float(psnr(shown, wanted).mean()))
