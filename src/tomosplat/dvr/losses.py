"""How far pictures are from those they should be (sec. 4.1, eq. 15), and how good they are."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from tomosplat.metrics import psnr, ssim

Loss = Literal["mse", "mse+ssim"]


def picture_loss(images: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """MSE, or MSE + (1 − SSIM), over all four channels of pictures [C, H, W, 4]: alpha is learned like colour."""
    squared = torch.nn.functional.mse_loss(images, targets)
    if loss == "mse":
        return squared
    return squared + (1 - ssim(images.contiguous(), targets.contiguous()).mean())


class Quality(NamedTuple):
    """Means over pictures, of their colours over black."""

    ssim: float
    psnr: float  # dB


@torch.no_grad()
def quality_of(images: Tensor, targets: Tensor) -> Quality:
    """SSIM and PSNR of pictures [C, H, W, 4]; colours beyond white count as white."""
    shown, wanted = images[..., :3].clamp(0, 1).contiguous(), targets[..., :3].contiguous()
    return Quality(float(ssim(shown, wanted).mean()), float(psnr(shown, wanted).mean()))
