"""Folded Gaussians (VeGaS, MedGS): 2D Gaussians that move along a polynomial and come and go from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from tomosplat.render import SliceImage, blend_ellipses
from tomosplat.render.constants import ALPHA_MIN, LOW_PASS_PX2

#: Below this share of its peak a Gaussian is not shown (MedGS; the additive form fades out by itself).
_SHOWN_ABOVE = 0.1
#: Variance in px² added to every ellipse of the additive form.
_LEAST_VARIANCE_PX2 = 0.1


@dataclass(frozen=True, eq=False)
class FoldedScene:
    """N folded Gaussians with one or two heads.

    At time t a Gaussian is at x + Σ wᵢ (m − t)ⁱ, and δ(t) = exp(−(m − t)² / 2σ²) says how much of it there is. In the
    exact form δ shrinks it (VeGaS, eq. for a(t); opacity and colour stay), and Gaussians are blended over one another
    in the order of their index; in the additive form δ weighs it, its size stays, and weights are normalised.

    Attributes:
        ellipses: [N, 5]: x u and v in px, standard deviations along both axes in px, angle of the first axis in rad.
        moves: [N, P, 2] w in px per framesⁱ.
        times: [N] m in frames.
        spans: [N] σ in frames.
        image_head: [N, 1 + C] opacity and colour of the image; None without this head.
        mask_head: [N, 2] opacity and value of the mask; None without this head.
        exact: Which form.
        size: Rows and columns of a frame.
        n_frames: How many frames were given, at times 0, 1, 2, ...
        provenance: How the scene was made.
    """

    ellipses: Tensor
    moves: Tensor
    times: Tensor
    spans: Tensor
    image_head: Tensor | None
    mask_head: Tensor | None
    exact: bool
    size: tuple[int, int]
    n_frames: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ellipses)

    def head(self, name: str) -> Tensor | None:
        """The head of the "image" or the "mask"."""
        return self.image_head if name == "image" else self.mask_head

    def select(self, chosen: Tensor) -> FoldedScene:
        """Some of the Gaussians, in their order."""
        names = ("ellipses", "moves", "times", "spans", "image_head", "mask_head")
        there = [name for name in names if getattr(self, name) is not None]
        kept: dict[str, Any] = {name: torch.index_select(getattr(self, name), 0, chosen) for name in there}
        return replace(self, **kept)

    def shown_at(self, time: float) -> Tensor:
        """[N], which Gaussians are there at all."""
        return shares(self.times, self.spans, time) > self.least_share

    @property
    def least_share(self) -> float:
        """The share of its peak that a Gaussian must exceed to be there."""
        return _SHOWN_ABOVE if self.exact else ALPHA_MIN

    def centers(self, time: float) -> Tensor:
        """[N, 2] px, where Gaussians are; differentiable."""
        tau = (self.times - time)[:, None]
        shift = torch.zeros_like(self.ellipses[:, :2])
        for degree in reversed(range(self.moves.shape[1])):  # Horner
            shift = (shift + self.moves[:, degree]) * tau
        return self.ellipses[:, :2] + shift

    def show(self, time: float, head: str) -> SliceImage:
        """The frame at a time, of a head that is there; differentiable in every tensor."""
        there = self.select(self.shown_at(time).nonzero()[:, 0])
        values = there.head(head)
        if values is None:
            raise KeyError(f"the scene has no {head} head")
        centers, delta = there.centers(time), shares(there.times, there.spans, time)
        u, v = (there.ellipses[:, 2:4] * (delta[:, None] if self.exact else 1)).square().unbind(dim=1)
        cos, sin = torch.cos(there.ellipses[:, 4]), torch.sin(there.ellipses[:, 4])
        low_pass = LOW_PASS_PX2 if self.exact else _LEAST_VARIANCE_PX2
        covs = [cos * cos * u + sin * sin * v + low_pass, cos * sin * (u - v), sin * sin * u + cos * cos * v + low_pass]
        weights = values[:, 0] if self.exact else values[:, 0] * delta
        drawn = torch.stack([centers[:, 0], centers[:, 1], *covs, weights], dim=1)
        blending = "alpha" if self.exact else "normalised"
        (image,) = blend_ellipses(drawn, values[:, 1:], [0, len(drawn)], [self.size], blending=blending)  # type: ignore[arg-type]
        return image


def shares(times: Tensor, spans: Tensor, time: float) -> Tensor:
    """δ, how much there is of each Gaussian at a time, [N]."""
    return torch.exp(-0.5 * ((times - time) / spans) ** 2)
