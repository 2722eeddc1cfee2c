"""How far the network is from where it should be."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.feedforward.head import light_change, slice_of
from tomosplat.training.crops import Crop

#: Colours are compared about as they are seen; differences count as squares below the second number.
GAMMA, _SQUARES_BELOW = 1 / 2.2, 0.05
#: The channels that this stage teaches: colour, and the scales in space, which here are one.
COLOR = slice_of("color")
SCALES = slice(slice_of("log_scales").start, slice_of("log_scales").start + 3)


def dense_loss(field: Tensor, crop: Crop) -> Tensor:
    """Mean difference of colours and sizes from those that were fitted, weighted by how far these are known.

    Args:
        field: [37, E, E, E], the network's result.
        crop: What it was shown.
    """
    i, j, k = crop.places.unbind(dim=1)
    # The gamma of a product is that of its factors; nothing is clamped, so that what is too bright has a gradient.
    primed = crop.marched**GAMMA
    color = primed * torch.exp(GAMMA * light_change(field[COLOR, i, j, k].T.float()))
    difference = _distance(color, primed * torch.exp(GAMMA * crop.brightening))
    difference = difference + _distance(field[SCALES, i, j, k].T.float(), crop.swelling[:, None].expand(-1, 3))
    return (difference * crop.weights).sum() / crop.weights.sum()


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    loss = torch.nn.functional.smooth_l1_loss(found, wanted, beta=_SQUARES_BELOW, reduction="none")
    return loss.mean(dim=1)
