"""Small perceptrons on the last axis: transfer functions of features, and the decoder of a picture's channels."""

from __future__ import annotations

from torch import nn


def perceptron(in_channels: int, out_channels: int) -> nn.Sequential:
    """One hidden layer as wide as the input, ReLU, and no activation behind the last layer: [..., C] to [..., K].

    16 to 1 has 289 parameters, 16 to 3 has 323 (Weiss and Navab 2021, sec. 3.4).
    """
    return nn.Sequential(nn.Linear(in_channels, in_channels), nn.ReLU(), nn.Linear(in_channels, out_channels))
