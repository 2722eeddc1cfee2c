"""What a fit optimises: anything that can show slices; and the plain one, 3D Gaussians as InnerGS has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from tomosplat.fitting.parameters import covariance_entries, covariance_factor
from tomosplat.gaussians import from_matrix
from tomosplat.render import SliceImage, slice_gaussians
from tomosplat.render.constants import ALPHA_MIN
from tomosplat.slices.fit_settings import SliceBlending, SliceRates
from tomosplat.slices.palette import palette
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.seeding import Seeds
from tomosplat.slices.targets import SliceTarget, ValueRange

#: Variance in px² that no Gaussian falls below in any direction, so that none hides between the pixels.
_LEAST_VARIANCE_PX2 = 0.1
#: Score of a class at the pixel that a Gaussian begins on, before softmax.
_FIRST_SCORE = 3.0


class SliceModel(torch.nn.Module, ABC):
    """Parameters that show slices, on the device that they are on."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @abstractmethod
    def render(self, places: Sequence[SliceTarget]) -> list[SliceImage]:
        """Show the slices at the places of targets, [H, W, C + S] each; differentiable in the parameters."""

    @abstractmethod
    def rates(self) -> dict[str, float]:
        """Adam's rate at the start, by name of a parameter; what is not named is not fitted."""

    def penalty(self) -> Tensor | None:
        """What is added to the loss for the parameters' own sake."""
        return None


class GaussianModel(SliceModel):
    """3D Gaussians with a colour, and with scores or colours that stand for labels.

    A covariance is L Lᵀ of ``fitting.parameters`` (log_scales, shears) plus 0.1 px² in every direction.
    """

    def __init__(
        self, seeds: Seeds, pixel_mm: float, blending: SliceBlending, rates: SliceRates, n_classes: int, coloured: bool
    ) -> None:
        super().__init__()
        self.pixel_mm, self.blending, self.coloured = pixel_mm, blending, coloured
        self._rates = rates
        self.floor = _LEAST_VARIANCE_PX2 * pixel_mm**2
        inner = seeds.covs.double() - self.floor * torch.eye(3, dtype=torch.float64)
        factor = covariance_factor(from_matrix(inner), 1e-3 * self.floor).float()
        n = len(seeds.means)
        self.means = torch.nn.Parameter(seeds.means.clone())
        self.log_scales = torch.nn.Parameter(factor[:, :3].clone())
        self.shears = torch.nn.Parameter(factor[:, 3:].clone())
        self.opacity_logits = torch.nn.Parameter(torch.zeros(n))
        self.colours = torch.nn.Parameter(seeds.colours.clone())
        self.scores = torch.nn.Parameter(_first_scores(seeds, n_classes, coloured))

    def rates(self) -> dict[str, float]:
        """In mm and logarithms."""
        rates = self._rates
        return {
            "means": rates.means * self.pixel_mm,
            "log_scales": rates.log_scales,
            "shears": rates.shears,
            "opacity_logits": rates.opacity_logits,
            "colours": rates.colours,
            "scores": 0.2 * rates.scores if self.coloured else rates.scores,
        }

    def render(self, places: Sequence[SliceTarget]) -> list[SliceImage]:
        """Only what reaches one of the slices is touched."""
        return slice_gaussians(
            *self.activated(self._in_reach(places)), [p.plane for p in places], blending=self.blending
        )

    def activated(self, chosen: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Means, covariance entries, opacities and values of some Gaussians; None: of all."""
        means, log_scales, shears, logits, colours, scores = self.raw(chosen)
        entries = covariance_entries(log_scales, shears)
        floor = entries.new_tensor([self.floor, 0, 0, self.floor, 0, self.floor])
        semantic = scores if self.coloured or scores.shape[1] == 0 else torch.softmax(scores, dim=1)
        return means, entries + floor, torch.sigmoid(logits), torch.cat([colours, semantic], dim=1)

    def raw(self, chosen: Tensor | None) -> tuple[Tensor, ...]:
        """Means, log_scales, shears, opacity logits, colours and scores of some Gaussians; None: of all."""
        raw = self.means, self.log_scales, self.shears, self.opacity_logits, self.colours, self.scores
        return raw if chosen is None else tuple(rows(parameter, chosen) for parameter in raw)

    @torch.no_grad()
    def _in_reach(self, places: Sequence[SliceTarget]) -> Tensor:
        """Indices of the Gaussians that weigh more than ALPHA_MIN somewhere on the plane of a place."""
        means, covs, opacities, _ = self.activated(None)
        level = 2 * torch.log((opacities / ALPHA_MIN).clamp_min(1))
        near = torch.zeros(len(means), dtype=torch.bool, device=means.device)
        for place in places:
            x, y, z = (float(v) for v in place.plane.normal)
            off = means @ means.new_tensor([x, y, z]) - float(place.plane.normal @ place.plane.affine[:3, 3])
            # What the normal makes of xx, xy, xz, yy, yz, zz.
            thick = covs @ covs.new_tensor([x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z])
            # A plane that a Gaussian misses by a rounding error shows nothing of it either.
            near |= off * off <= 1.001 * level * thick
            near |= ~(off.isfinite() & thick.isfinite())  # for the renderer to refuse by name
        return near.nonzero()[:, 0]

    @torch.no_grad()
    def scene(
        self,
        value_range: ValueRange,
        classes: Sequence[int],
        given: Sequence[SliceTarget],
        provenance: dict[str, Any],
    ) -> SliceScene:
        """The Gaussians as they are now."""
        # On the CPU, and never the parameters themselves.
        means, covs, opacities, values = (tensor.cpu().clone() for tensor in self.activated(None))
        return SliceScene(
            means,
            covs,
            opacities,
            values,
            self.blending,
            value_range,
            self.colours.shape[1],
            tuple(classes),
            self.coloured,
            tuple(target.plane for target in given),
            provenance=provenance,
        )


def rows(tensor: Tensor, chosen: Tensor) -> Tensor:
    """Some rows; the gradient of this adds up ten times quicker than that of indexing."""
    return torch.index_select(tensor, 0, chosen)


def named_rates(model: SliceModel) -> Iterator[tuple[str, torch.nn.Parameter, float]]:
    """Name, parameter and rate of everything that is fitted."""
    rates = model.rates()
    for name, parameter in model.named_parameters():
        rate = rates.get(name.split(".")[0], 0.0)
        if rate > 0 and parameter.requires_grad and parameter.numel():
            yield name, parameter, rate


def _first_scores(seeds: Seeds, n_classes: int, coloured: bool) -> Tensor:
    n = len(seeds.means)
    if n_classes == 0:
        return torch.zeros(n, 0)
    if coloured:
        return palette(n_classes)[seeds.classes] if seeds.classes is not None else torch.zeros(n, 3)
    scores = torch.zeros(n, n_classes)
    if seeds.classes is not None:
        scores[torch.arange(n), seeds.classes] = _FIRST_SCORE
    return scores
