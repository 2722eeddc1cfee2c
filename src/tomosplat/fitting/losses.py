"""How far a picture is from the one it should be."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.fitting.settings import FitSettings
from tomosplat.fitting.views import View
from tomosplat.metrics import ms_ssim, ssim


def picture_loss(rgba: Tensor, view: View, settings: FitSettings) -> Tensor:
    """(1 − w) L1 + w (1 − SSIM) over all four channels: alpha is supervised like colour.

    Args:
        rgba: [H, W, 4], premultiplied, without background.
        view: What it should look like, and where that counts.
        settings: The weight w and the kind of SSIM.
    """
    if view.mask is None:
        difference = torch.nn.functional.l1_loss(rgba, view.rgba)
    else:
        difference = torch.nn.functional.l1_loss(rgba[view.mask], view.rgba[view.mask])
    measure = ms_ssim if settings.multi_scale else ssim
    return (1 - settings.ssim_weight) * difference + settings.ssim_weight * (1 - measure(rgba, view.rgba, view.mask))
