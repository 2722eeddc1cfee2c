"""What can be asked of a fit. Imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from tomosplat.errors import InputError

Model = Literal["6dgs", "3dgs"]


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """Adam's rates at the start, by column (see ``parameters``); those in mm are for Gaussians of 1.5 mm.

    They are those of the calibration on a real chest CT: faster in colour than 3DGS, whose fits take a hundred times
    as many steps. All but ``sh_view``: how colour depends on the view is what noise and gaps between few views are
    learned as, and slow rates leave them out (benchmarks/fitting.md).
    """

    means: float = 0.015
    log_scales: float = 1e-2
    shears: float = 1e-2
    opacity_logits: float = 0.05
    sh_base: float = 2e-2
    sh_view: float = 5e-4
    means_dir: float = 2.5e-3
    log_scales_dir: float = 1e-2
    shears_dir: float = 1e-2
    gains: float = 0.015


@dataclass(frozen=True, kw_only=True)
class DensityControl:
    """When Gaussians are added and removed.

    Attributes:
        every: Iterations between rounds.
        prune_below: Opacity below which a Gaussian is removed (3DGS; the 6DGS authors have 0.01,
            which is what a reset leaves).
        densify: Clone and split too, and fade now and then; else only remove.
        begin: First iteration at which to clone and split.
        end: Share of the iterations after which not to any more.
        fade_every: Iterations between resets of all opacities to at most 0.01, which floaters do not survive.
    """

    every: int = 100
    prune_below: float = 0.005
    densify: bool = False
    begin: int = 500
    end: float = 0.5
    fade_every: int = 3000


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How to fit.

    Attributes:
        iterations: Steps, one view each.
        model: "6dgs" fits the dependence on view direction too; "3dgs" has none beyond harmonics.
        learning_rate: Factor on all rates.
        rates: Rates at the start.
        decay: What the rates have fallen to at the end, exponentially.
        ssim_weight: Share of 1 − SSIM in the loss; the rest is L1 (Kerbl et al. 2023, eq. 7).
        multi_scale: Use MS-SSIM in its place.
        density: When Gaussians are added and removed.
        evaluate_every: Iterations between looks at the held-out views, previews and checkpoints.
        patience: Looks without a better held-out PSNR after which the fit stops early.
        seed: Another seed shows the views in another order.

    Raises:
        InputError: A value is out of its range.
    """

    iterations: int = 300
    model: Model = "6dgs"
    learning_rate: float = 1.0
    rates: LearningRates = LearningRates()
    decay: float = 0.1
    ssim_weight: float = 0.2
    multi_scale: bool = False
    density: DensityControl = DensityControl()
    evaluate_every: int = 50
    patience: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"iterations": 0, "evaluate_every": 1, "patience": 1, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if min(self.density.every, self.density.fade_every) < 1 or not 0 <= self.density.prune_below < 1:
            raise InputError(f"density needs every and fade_every >= 1 and prune_below in 0..1, got {self.density}")
        if self.model not in ("6dgs", "3dgs"):
            raise InputError(f"model must be '6dgs' or '3dgs', got {self.model!r}")
        if not 0 <= self.ssim_weight <= 1 or not 0 < self.decay <= 1:
            raise InputError(f"ssim_weight must lie in 0..1 and decay in 0..1, got {self.ssim_weight}, {self.decay}")
        positive = {f"rates.{f.name}": getattr(self.rates, f.name) for f in fields(self.rates)}
        for name, value in (positive | {"learning_rate": self.learning_rate}).items():
            if not 0 <= value < math.inf:
                raise InputError(f"{name} must be finite and at least 0, got {value}")
