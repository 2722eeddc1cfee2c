"""What can be asked of a fit of Gaussians to slices. Imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from tomosplat.errors import InputError

Seeding = Literal["grid", "random"]
#: As ``render.Blending``, which would load the renderers.
SliceBlending = Literal["normalised", "alpha", "additive"]

#: Which settings must be above 0, and what the others are at least; rates are at least 0.
_POSITIVE = ("pitch", "sigma", "sigma_across", "decay")
_AT_LEAST = {"most": 1, "evaluate_every": 1} | dict.fromkeys(
    (
        *("iterations", "given_per_step", "between_per_step", "warm_up", "seed"),
        *("l1_weight", "ssim_weight", "semantic_weight", "learning_rate"),
    ),
    0,
)


@dataclass(frozen=True, kw_only=True)
class SliceRates:
    """Adam's rates at the start; that of the means is in pixels of the finest slices."""

    means: float = 0.02
    log_scales: float = 0.015
    shears: float = 0.01
    opacity_logits: float = 0.03
    colours: float = 0.01
    scores: float = 0.05
    planes: float = 0.01
    network: float = 0.001


@dataclass(frozen=True, kw_only=True)
class SliceFitSettings:
    """How Gaussians are fitted to slices.

    The defaults are those that came out best on real volumes with slices left out (docs/slices-fit.md); what
    InnerGS publishes is ``innergs_settings``.

    Attributes:
        iterations: Steps.
        given_per_step: Given slices in each step; 0: all of them.
        between_per_step: Slices in the gaps in each step, where there are any.
        blending: How Gaussians add up, see ``render.slice_gaussians``.
        seeding: Where Gaussians begin: on a grid on every given slice, or anywhere.
        pitch: Pixels between Gaussians of the grid, wider where there would be more than ``most``.
        most: Gaussians at most.
        sigma: Standard deviation of a Gaussian at the start, as a share of the pitch.
        sigma_across: The same across the slice, as a share of the gap.
        l1_weight: Weight of the mean absolute difference.
        ssim_weight: Weight of 1 − SSIM.
        semantic_weight: Weight of the labels' loss.
        rates: Learning rates at the start.
        learning_rate: Factor on all rates.
        warm_up: Steps over which the rates rise to their start.
        flat: Share of the steps after which the rates begin to fall.
        decay: What the rates have fallen to at the end, exponentially.
        evaluate_every: Steps between looks, previews and checkpoints.
        seed: Another seed shows other slices first.

    Raises:
        InputError: A value is out of its range.
    """

    iterations: int = 500
    given_per_step: int = 2
    between_per_step: int = 2
    blending: SliceBlending = "normalised"
    seeding: Seeding = "grid"
    pitch: float = 2.0
    most: int = 800_000
    sigma: float = 0.55
    sigma_across: float = 0.5
    l1_weight: float = 1.0
    ssim_weight: float = 0.1
    semantic_weight: float = 0.2
    rates: SliceRates = SliceRates()
    learning_rate: float = 1.0
    warm_up: int = 20
    flat: float = 0.3
    decay: float = 0.05
    evaluate_every: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = {name: getattr(self, name) for name in (*_AT_LEAST, *_POSITIVE)}
        numbers |= {f"rates.{f.name}": getattr(self.rates, f.name) for f in fields(self.rates)}
        for name, value in numbers.items():
            if name in _POSITIVE:
                fits, wanted = 0 < value < math.inf, "above 0"
            else:
                low = _AT_LEAST.get(name, 0)
                fits, wanted = low <= value < math.inf, f"at least {low}"
            if not fits:
                raise InputError(f"{name} must be finite and {wanted}, got {value}")

    def rate_now(self, iteration: int) -> float:
        """Factor on all rates at an iteration."""
        done = iteration / max(self.iterations, 1)
        fall: float = self.decay ** max(0.0, (done - self.flat) / max(1 - self.flat, 1e-9))
        return self.learning_rate * min(1.0, (iteration + 1) / max(self.warm_up, 1)) * fall


def innergs_settings(half_extent_px: float, *, iterations: int = 2001, seed: int = 0) -> SliceFitSettings:
    """InnerGS as released: 64,000 Gaussians anywhere, alpha blending nearest first, all slices in every step.

    Its Gaussians begin at standard deviations of 0.02 in a cube of −1..1, and its rates are for that cube too. Two
    things are not copied: means that begin outside the cube, which pile up on its faces, and the halving of rates on a
    plateau, for which this fall stands in.

    Args:
        half_extent_px: Half the largest edge of what the slices cover, in their pixels: 1 in the cube.
        iterations: Steps.
        seed: For the random start.
    """
    return SliceFitSettings(
        iterations=iterations,
        given_per_step=0,
        between_per_step=0,
        blending="alpha",
        seeding="random",
        most=64_000,
        l1_weight=0.8,
        ssim_weight=0.4,
        rates=SliceRates(
            means=0.06 * half_extent_px, log_scales=0.08, shears=0.04, opacity_logits=0.06, colours=0.04, scores=0.04
        ),
        warm_up=1,
        seed=seed,
    )
