"""From what the network says to 6D Gaussians: a primed scene, changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import DivergedError, ShapeError
from tomosplat.gaussians import GaussianScene, conditional_parts, from_matrix, to_matrix
from tomosplat.geometry import SH_C0

#: The 37 channels in order (Render-FM, sec. 3.1): names and widths.
CHANNELS: Mapping[str, int] = MappingProxyType(
    {"means_dir": 3, "color": 3, "color_view": 9, "opacity": 1, "log_scales": 6, "shears": 15}
)
N_CHANNELS = sum(CHANNELS.values())
#: The logarithm of a factor on light stays below this: no input makes a scene infinite.
_MOST_LIGHT = 4.0


def slice_of(name: str) -> slice:
    """Where the channels of a name are."""
    names = list(CHANNELS)
    start = sum(CHANNELS[before] for before in names[: names.index(name)])
    return slice(start, start + CHANNELS[name])


@dataclass(frozen=True, eq=False)
class Primed:
    """A primed scene and what the network needs to know of it.

    Attributes:
        scene: What the network's offsets are relative to.
        places: [N, 3] int64, the voxel of the half-resolution grid that each Gaussian takes its offsets from.
        radiance: [N, 3] float32, linear RGB that its Gaussians scatter; None where it was not lit.
        features: [N, L] float32 light channels; None where it was not lit.
    """

    scene: GaussianScene
    places: NDArray[np.int64]
    radiance: NDArray[np.float32] | None
    features: NDArray[np.float32] | None

    def select(self, keep: Tensor) -> Primed:
        """Return the Gaussians at ``keep`` (bool [N] or indices)."""
        at = keep.numpy()
        return Primed(
            self.scene.select(keep),
            self.places[at],
            None if self.radiance is None else self.radiance[at],
            None if self.features is None else self.features[at],
        )


def activate(primed: Primed, offsets: Tensor) -> GaussianScene:
    """The primed scene with the network's offsets; where they are 0 it stays what it is.

    * the mean direction moves by ``means_dir`` and becomes a unit vector again;
    * the light that arrives is multiplied by exp(4 tanh(``color`` / 4)), and the colour with it. Without light,
      ``color`` is added to the spherical harmonic of degree 0, as the paper has it. ``color_view`` is added to those of
      degree 1;
    * logit(opacity) moves by ``opacity``;
    * the 6D covariance becomes L D (I + T) (I + T)ᵀ D Lᵀ, where L Lᵀ is the primed one, D = exp(``log_scales``) and T
      is strictly lower triangular, tanh(``shears``); conditioned in closed form (``conditional_parts``).

    Positions stay (Render-FM, sec. 3.2). Differentiable in ``offsets``.

    Args:
        primed: N Gaussians.
        offsets: [N, 37], in the order of ``CHANNELS``.

    Raises:
        ShapeError: ``offsets`` is not [N, 37].
        DivergedError: A covariance is not finite or not positive definite.
    """
    scene = primed.scene
    if tuple(offsets.shape) != (len(scene), N_CHANNELS):
        raise ShapeError(f"offsets must be [{len(scene)}, {N_CHANNELS}], got {tuple(offsets.shape)}")
    offsets = offsets.to(scene.means.dtype)
    means_dir, color, color_view, opacity, log_scales, shears = offsets.split(list(CHANNELS.values()), dim=1)
    odds = opacity[:, 0].exp()
    opacities = scene.opacities * odds / (1 + scene.opacities * (odds - 1))
    changed: dict[str, Any] = {
        "means_dir": torch.nn.functional.normalize(scene.means_dir + means_dir, dim=1),
        "opacities": opacities,
        "sh": scene.sh + torch.cat([_color_change(primed, color)[:, None], color_view.reshape(-1, 3, 3)], dim=1),
    }
    if scene.illumination is not None:
        changed["illumination"] = scene.illumination * light_change(color).exp()
    try:
        changed |= _covariance(scene, log_scales, shears)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # not in its __all__
        raise DivergedError(f"the network makes covariances that are no such thing: {error}") from error
    return replace(scene, **changed)


def light_change(color: Tensor) -> Tensor:
    """Logarithm of the factor on light that the colour channels mean: themselves while they are small."""
    return _MOST_LIGHT * torch.tanh(color / _MOST_LIGHT)


def lit(radiance: Tensor, change: Tensor) -> Tensor:
    """Display-referred (sRGB) colour of Gaussians whose light is multiplied by exp(``change``); [N, 3] each.

    ``linear_to_srgb`` for tensors.
    """
    linear = (radiance * change.exp()).clamp(0, 1)
    # The power has no derivative at 0, where it is not used.
    power = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, power)


def _color_change(primed: Primed, color: Tensor) -> Tensor:
    if primed.radiance is None:
        return color
    radiance = torch.from_numpy(primed.radiance).to(color)
    return (lit(radiance, light_change(color)) - lit(radiance, torch.zeros_like(color))) / SH_C0


def _covariance(scene: GaussianScene, log_scales: Tensor, shears: Tensor) -> dict[str, Tensor]:
    parts = conditional_parts(log_scales.exp(), torch.tanh(shears))
    position = torch.linalg.cholesky(to_matrix(scene.covs))
    precision = torch.linalg.cholesky(to_matrix(scene.precisions_dir))
    half = position @ torch.linalg.cholesky(to_matrix(parts.covs))
    return {
        "covs": from_matrix(half @ half.mT),
        "gains": scene.gains + position @ parts.gains @ precision.mT,
        "precisions_dir": from_matrix(precision @ to_matrix(parts.precisions_dir) @ precision.mT),
    }
