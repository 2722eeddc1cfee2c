"""What training minimises, and how finely it samples."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from tomosplat.metrics import ssim

Loss = Literal["mse", "mse+ssim"]


def annealed_rate(low: float, high: float, epoch: int, epochs: int) -> float:
    """Sampling rate s of an epoch: from ``low`` to ``high`` with the square of the progress (eq. 14)."""
    share = (epoch / epochs) ** 2
    return low * (1 - share) + high * share


def picture_loss(pictures: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Mean squared error, with 1 − SSIM added for "mse+ssim" (eq. 15), over colour and opacity of [C, H, W, 4]."""
    error = torch.nn.functional.mse_loss(pictures, targets)
    return error if loss == "mse" else error + 1 - ssim(pictures, targets).mean()
