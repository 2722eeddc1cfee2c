"""How far the network is from where it should be."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.feedforward.head import CHANNELS, light_change
from tomosplat.training.crops import Crop

#: Colours are compared about as they are seen; differences count as squares below the second number.
GAMMA, _SQUARES_BELOW = 1 / 2.2, 0.05
#: The channels that this stage teaches.
COLOR = slice(CHANNELS["means_dir"], CHANNELS["means_dir"] + CHANNELS["color"])


def dense_loss(field: Tensor, crop: Crop) -> Tensor:
    """Mean difference of the colours under predicted and under baked light, weighted by how far those are known.

    Args:
        field: [37, E, E, E], the network's result.
        crop: What it was shown.
    """
    i, j, k = crop.places.unbind(dim=1)
    color = field[COLOR, i, j, k].T.float()
    # The gamma of a product is that of its factors; nothing is clamped, so that what is too bright has a gradient.
    predicted = crop.marched**GAMMA * torch.exp(GAMMA * light_change(color))
    difference = torch.nn.functional.smooth_l1_loss(predicted, crop.baked**GAMMA, beta=_SQUARES_BELOW, reduction="none")
    return (difference.mean(dim=1) * crop.weights).sum() / crop.weights.sum()
