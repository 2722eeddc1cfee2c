"""ST-LPIPS: how different two pictures look (Ghildyal and Liu 2022, Shift-tolerant Perceptual Similarity Metric).

LPIPS (Zhang et al. 2018) with an AlexNet that is blurred before every second pixel is left out, so that a shift by a
pixel changes little. Its numbers are not those of LPIPS. The weights come with the package ``stlpips-pytorch``, of
which no code is used: it would need torchvision.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from tomosplat.errors import DependencyError, ShapeError
from tomosplat.metrics.pictures import check_pictures

_PACKAGE, _WEIGHTS = "stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth"
#: Edge of the smallest picture of which anything is left at the end of the network.
_SMALLEST = 32
#: Convolutions: name, padding, and, where the picture is halved before it, name of the blur for that.
_LAYERS = (
    ("net.slice1.0", 2, None),
    ("net.slice2.5", 2, "net.slice2.4.filt"),
    ("net.slice3.9", 1, "net.slice3.8.filt"),
    ("net.slice4.11", 1, None),
    ("net.slice5.13", 1, None),
)
_FIRST_BLUR = "net.slice1.1.filt"
_EPS = 1e-10

Weights = dict[str, Tensor]


def has_perceptual_weights() -> bool:
    """Whether the weights are installed (extra "evaluate")."""
    return _weights_path() is not None


def st_lpips(image: Tensor, target: Tensor) -> Tensor:
    """Distance of two pictures in the features of an AlexNet: 0 for equal ones.

    Args:
        image: [H, W, 3] in 0..1, float32, at least 32 pixels a side.
        target: The same.

    Returns:
        A scalar. Differentiable in both pictures.

    Raises:
        ShapeError: A shape or dtype disagrees, or a picture is too small.
        DependencyError: The weights are not installed.
    """
    check_pictures(image, target, None)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != torch.float32 or min(image.shape[:2]) < _SMALLEST:
        raise ShapeError(
            f"ST-LPIPS compares float32 pictures [H, W, 3] of at least {_SMALLEST} pixels a side, "
            f"got {image.dtype} {tuple(image.shape)}"
        )
    path = _weights_path()
    if path is None:
        raise DependencyError('the weights of ST-LPIPS are not installed; run pip install "tomosplat[evaluate]"')
    weights = _load(path)
    distance = image.new_zeros(())
    pairs = zip(_features(image, weights), _features(target, weights), strict=True)
    for number, (one, other) in enumerate(pairs):
        squares = (_unit(one) - _unit(other)).square()
        distance = distance + functional.conv2d(squares, weights[f"lin{number}.model.1.weight"]).mean()
    return distance


def _features(picture: Tensor, weights: Weights) -> list[Tensor]:
    """Activations [1, K, h, w] behind each of the five convolutions."""
    x = picture.movedim(-1, 0)[None] * 2 - 1
    x = (x - weights["scaling_layer.shift"]) / weights["scaling_layer.scale"]
    features: list[Tensor] = []
    for name, padding, blur in _LAYERS:
        if blur is not None:
            x = _blurred(functional.max_pool2d(x, kernel_size=3, stride=1), weights[blur])
        x = functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)
        if not features:
            x = _blurred(x, weights[_FIRST_BLUR])
        x = functional.relu(x)
        features.append(x)
    return features


def _blurred(x: Tensor, kernel: Tensor) -> Tensor:
    """Every second pixel of ``x`` [1, K, h, w] blurred by its channel's kernel [K, 1, 3, 3]."""
    return functional.conv2d(functional.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=len(kernel))


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPS)


def _weights_path() -> Path | None:
    # Found, not imported.
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders))) / _WEIGHTS if folders else None
    return path if path is not None and path.is_file() else None


@cache
def _load(path: Path) -> Weights:
    weights: Weights = torch.load(path, map_location="cpu", weights_only=True)
    return weights
