"""Folded Gaussians as a fit optimises them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.geometry import SlicePlane
from tomosplat.render import SliceImage
from tomosplat.render.constants import NORMALISED_FLOOR
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.folded_scene import FoldedScene, shares
from tomosplat.slices.gaussian_model import SliceModel, rows
from tomosplat.slices.seeding import grid_seeds
from tomosplat.slices.targets import Sampler, SliceTarget, crossfade

#: Share of the steps before cross-faded frames begin (MedGS: 10,000 of 30,000).
_CROSSFADE_FROM = 1 / 3
#: How far from either frame a cross-faded one is at least.
_CROSSFADE_EDGE = 0.2
#: Logits stay finite.
_EDGE = 1e-4

#: Adam's rates of both forms: those of the additive one in px, frames and logarithms came out best on real volumes.
ADDITIVE_RATES = {
    "positions": 0.02,
    "log_scales": 0.015,
    "angles": 0.02,
    "times": 0.005,
    "log_spans": 0.01,
    "moves": 0.01,
    "opacity_logits": 0.03,
    "colours": 0.01,
}


def published_rates(width: int, n_frames: int) -> dict[str, float]:
    """The rates of MedGS, which has a frame 0.72 wide and time from 0 to 1, in pixels and frames."""
    pixels = width / 0.72
    return {
        "positions": 1.6e-4 * 1.1 * pixels,
        "log_scales": 5e-3,
        "angles": 1e-3 * 2 * math.pi / 4,  # of the logit of a turn, whose slope is a quarter at most
        "times": 1e-3 * n_frames / 4,
        "log_spans": 1e-3,
        "moves": 1e-3 * pixels,
        "opacity_logits": 0.025,
        "colours": 2.5e-3 * 0.28209479,  # of a harmonic coefficient
    }


class FoldedModel(SliceModel):
    """Raw parameters of a ``FoldedScene``; time in the polynomial is counted in ``unit`` frames.

    Attributes:
        heads: Which heads are fitted: "image", "mask", or both.
    """

    def __init__(
        self, scene: FoldedScene, heads: Sequence[str], rates: Mapping[str, float], unit: float, frozen: bool = False
    ) -> None:
        super().__init__()
        self._scene, self.heads, self._rates, self.unit, self.frozen = scene, tuple(heads), dict(rates), unit, frozen
        self.span_weight = 0.0
        # Density control sums up here what pulls at each Gaussian, in place and in time, and in how many steps.
        self.register_buffer("pulls", torch.zeros(len(scene), 3))
        positions, scales, angles = scene.ellipses.split([2, 2, 1], dim=1)
        self.positions = torch.nn.Parameter(positions.clone())
        self.log_scales = torch.nn.Parameter(scales.log())
        self.angles = torch.nn.Parameter(angles[:, 0].clone())
        self.times = torch.nn.Parameter(scene.times.clone())
        self.log_spans = torch.nn.Parameter(scene.spans.log())
        self.moves = torch.nn.Parameter(scene.moves * self._units())
        logits, colours = {}, {}
        for name in ("image", "mask"):
            values = scene.head(name)
            if values is not None:
                logits[name] = torch.nn.Parameter(torch.logit(values[:, 0].clamp(_EDGE, 1 - _EDGE)))
                colours[name] = torch.nn.Parameter(values[:, 1:].clone())
        self.opacity_logits, self.colours = torch.nn.ParameterDict(logits), torch.nn.ParameterDict(colours)
        for name in set(logits) - set(heads):
            self.opacity_logits[name].requires_grad_(False)
            self.colours[name].requires_grad_(False)

    pulls: Tensor

    @property
    def exact(self) -> bool:
        """Which form the Gaussians have."""
        return self._scene.exact

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return self._scene.size

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return self._scene.n_frames

    def _units(self) -> Tensor:
        """[P, 1], what turns px per framesⁱ into px per unitsⁱ."""
        degrees = torch.arange(1, self._scene.moves.shape[1] + 1)
        return (self.unit**degrees)[:, None]

    def rates(self) -> dict[str, float]:
        """All of them, or those of the heads where the rest is frozen."""
        return {n: r for n, r in self._rates.items() if not self.frozen or n in ("opacity_logits", "colours")}

    def render(self, places: Sequence[SliceTarget]) -> list[SliceImage]:
        """The frames at the places' times: the fitted heads beside each other, over the places' backgrounds."""
        scene = self.scene(self._shown_at([place.time for place in places]))
        images = []
        for place in places:
            heads = [scene.show(place.time, name) for name in self.heads]
            first = heads[0]
            if place.background:
                alpha = first.coverage if scene.exact else first.coverage / (first.coverage + NORMALISED_FLOOR)
                behind = (place.background * (1 - alpha))[..., None]
                first = SliceImage(first.values + behind, first.coverage)
            images.append(SliceImage(torch.cat([h.values for h in (first, *heads[1:])], dim=2), first.coverage))
        return images

    def scene(self, chosen: Tensor | None = None, provenance: Mapping[str, Any] | None = None) -> FoldedScene:
        """What the parameters of some Gaussians mean, None: of all; differentiable."""

        def some(parameter: Tensor) -> Tensor:
            return parameter if chosen is None else rows(parameter, chosen)

        heads = {
            name: torch.cat([torch.sigmoid(some(self.opacity_logits[name]))[:, None], some(self.colours[name])], dim=1)
            for name in self.opacity_logits
        }
        return FoldedScene(
            torch.cat([some(self.positions), some(self.log_scales).exp(), some(self.angles)[:, None]], dim=1),
            some(self.moves) / self._units(),
            some(self.times),
            some(self.log_spans).exp(),
            heads.get("image"),
            heads.get("mask"),
            self._scene.exact,
            self._scene.size,
            self._scene.n_frames,
            provenance if provenance is not None else self._scene.provenance,
        )

    @torch.no_grad()
    def _shown_at(self, times: Sequence[float]) -> Tensor:
        """Indices of the Gaussians that are there at one of the times."""
        spans = self.log_spans.exp()
        there = torch.zeros(len(spans), dtype=torch.bool)
        for time in times:
            there |= shares(self.times, spans, time) > self._scene.least_share
        return there.nonzero()[:, 0]

    def penalty(self) -> Tensor | None:
        """Spans shorter than a frame or longer than all of them cost what they are off (MedGS), in all frames."""
        if not self.span_weight or self.frozen:
            return None
        n = self._scene.n_frames
        spans = self.log_spans.exp() / n
        short, long = spans < 1 / n, spans > 1
        off = torch.where(short, 1 / n - spans, 0).sum() / short.sum().clamp_min(1)
        return self.span_weight * (off + torch.where(long, spans - 1, 0).sum() / long.sum().clamp_min(1))


def grid_folded(
    frames: Sequence[SliceTarget], degree: int, heads: Sequence[str], pitch: float, most: int
) -> FoldedScene:
    """A grid on every frame, where it or its neighbours show something; additive form.

    Errors as ``grid_seeds``, whose choice of pixels this is.
    """
    size = frames[0].plane.height, frames[0].plane.width
    settings = SliceFitSettings(pitch=pitch, most=most)
    at_height = [_at(frame, frame.time) for frame in frames]
    seeds = grid_seeds(at_height, [1.0] * len(frames), settings)
    n = len(seeds.means)
    u, v, times = seeds.means.unbind(dim=1)
    scale = seeds.covs[:, 0, 0].sqrt()
    ellipses = torch.stack([u, v, scale, scale, 0.1 * torch.ones(n)], dim=1)
    opacity = torch.full((n, 1), 0.5)
    image = torch.cat([opacity, seeds.colours], dim=1)
    mask = None
    if "mask" in heads:
        mask = torch.cat([opacity, masks_at(frames, seeds.means[:, :2], times)], dim=1)
    return FoldedScene(
        ellipses,
        torch.zeros(n, degree, 2),
        times.clone(),
        torch.full((n,), 0.4),
        image if "image" in heads else None,
        mask,
        False,
        size,
        len(frames),
    )


def masks_at(frames: Sequence[SliceTarget], centers: Tensor, times: Tensor) -> Tensor:
    """[N, 1], what the mask of the nearest frame is at the nearest pixel; of frames without one, the image is it."""
    masks = torch.stack([frame.semantic if frame.semantic is not None else frame.image for frame in frames])
    n, height, width = masks.shape[:3]
    u, v = centers.round().long().unbind(dim=1)
    return masks[times.round().long().clamp(0, n - 1), v.clamp(0, height - 1), u.clamp(0, width - 1)]


def random_folded(
    size: tuple[int, int], n_frames: int, channels: int, degree: int, heads: Sequence[str], n: int, seed: int
) -> FoldedScene:
    """MedGS's start: anywhere in the plane and in time, grey, of opacity 0.1; exact form."""
    rng = np.random.default_rng(seed)
    height, width = size
    positions = rng.uniform((-0.5, -0.5), (width - 0.5, height - 0.5), (n, 2))
    spacing = math.sqrt(height * width / n)  # about that to the three nearest
    ellipses = np.column_stack([positions, np.full((n, 2), spacing), 2 * np.pi * rng.uniform(0, 1, n)])
    pixels = width / 0.72
    degrees = np.arange(1, degree + 1)[:, None]
    moves = rng.uniform(-1, 1, (n, degree, 2)) * pixels / float(n_frames) ** degrees
    grey = 0.5 + 0.28209479 * rng.uniform(0, 1, (n, channels)) / 255
    opacity = np.full((n, 1), 0.1)
    return FoldedScene(
        _single(ellipses),
        _single(moves),
        _single(rng.uniform(0, n_frames, n)),
        _single(rng.uniform(0.01, 1, n) * n_frames),
        _single(np.hstack([opacity, grey])) if "image" in heads else None,
        _single(np.hstack([opacity, grey[:, :1]])) if "mask" in heads else None,
        True,
        size,
        n_frames,
    )


def neighbouring_frames(
    frames: Sequence[SliceTarget], batch_size: int, crossfade_weight: float, between: Sequence[SliceTarget] = ()
) -> Sampler:
    """Some frames that follow one another, and later what lies between them, cross-faded (IBFR) or given."""

    def choose(rng: np.random.Generator, done: float) -> tuple[list[SliceTarget], list[SliceTarget]]:
        middle = int(rng.integers(len(frames)))
        first = max(0, middle - (batch_size - 1) // 2)
        shown = list(frames[first : middle + batch_size // 2 + 1])
        if between:
            return shown, [between[int(rng.integers(len(between)))]]
        if crossfade_weight == 0 or done < _CROSSFADE_FROM:
            return shown, []
        shares = rng.uniform(_CROSSFADE_EDGE, 1 - _CROSSFADE_EDGE, len(shown) - 1)
        pairs = zip(shown[:-1], shown[1:], shares, strict=True)
        return shown, [crossfade(a, b, float(share), crossfade_weight) for a, b, share in pairs]

    return choose


def _at(frame: SliceTarget, height: float) -> SliceTarget:
    """A frame lifted off the plane, so that seeds carry its time as their third coordinate."""
    affine = frame.plane.affine.copy()
    affine[2, 3] = height
    return replace(frame, plane=SlicePlane(affine, frame.plane.height, frame.plane.width))


def _single(array: NDArray[np.float64]) -> Tensor:
    return torch.tensor(array, dtype=torch.float32)
