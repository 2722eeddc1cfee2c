"""What can be asked of ``tomosplat fit`` and ``tomosplat finetune``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tomosplat.pipeline.options import DeviceOptions


@dataclass(frozen=True, kw_only=True)
class FittingOptions(DeviceOptions):
    """How a scene is fitted."""

    iterations: int | None = None
    """Steps, one view each; by default 300 from a primed scene, 2000 from marching cubes."""
    model: Literal["6dgs", "3dgs"] | None = None
    """6dgs: position and opacity depend on the view direction too; 3dgs: plain Gaussians. By default 3dgs for primed
    scenes, whose new views come out as good and whose training views overfit less, and 6dgs for all others."""
    learning_rate: float = 1.0
    """Factor on all learning rates."""
    ms_ssim: bool = False
    """Use MS-SSIM instead of SSIM in the loss; for pictures of at least 176 pixels."""
    densify: bool | None = None
    """Clone and split Gaussians and fade them now and then; by default only from marching cubes."""
    seed: int = 0
    """Another seed shows the views in another order."""
    preview: Path | None = None
    """Keep this PNG up to date with the first view as it looks now."""
    checkpoint: Path | None = None
    """Where the state is kept while the fit runs, so that the same command goes on after a kill; by default beside the
    output. Removed at the end."""


@dataclass(frozen=True, kw_only=True)
class GivenViews:
    """Which pictures of a folder are fitted."""

    case: str | None = None
    """Case of a dataset; needed if it has several."""
    look: str | None = None
    """Pictures of a case: visible set, transfer functions and rig, as all/seen/studio; by default the first."""


@dataclass(frozen=True, kw_only=True)
class TracedViews:
    """The pictures that are traced where no --views are given."""

    n_views: int = 40
    """How many views; many noisy ones teach more than few clean ones."""
    size: int = 400
    """Edge of the square pictures in pixels."""
    samples: int = 8
    """Paths through each pixel in the end; every view starts with a quarter of them."""
    raw: bool = False
    """Fit to the noisy pictures even where the extra "denoise" is installed."""
