"""What can be asked of ``tomosplat dvr``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class DvrFitOptions:
    """How a transfer function is found."""

    model: Literal["lookup", "mlp", "lookup2d"] = "lookup"
    """lookup: a table over the scan's values; mlp: a small network of the value, smoother; lookup2d: a table over the
    value and how steeply it changes, which --volume keeps whole and the transfer function in the mean."""
    epochs: int = 100
    """How often every picture is shown."""
    learning_rate: float | None = None
    """By default 0.3 for tables and 0.05 for the network."""
    batch: int = 3
    """Pictures in each step."""
    loss: Literal["mse", "mse+ssim"] = "mse"
    """Squared error, or with 1 − SSIM added, which asks for finer detail."""
    rate: float | None = None
    """Samples per voxel, the same in all epochs; by default they grow from 0.1 to 2, which takes less time."""
    still: bool = False
    """Sample every ray at the same places in all epochs instead of drawing them anew."""
    seed: int = 0
    """Another seed begins elsewhere, shows the pictures in another order and samples elsewhere."""
    preview: Path | None = None
    """Keep this PNG up to date: a picture as it should look, and beside it as it looks now."""
    checkpoint: Path | None = None
    """Where the state is kept while the fit runs, so that the same command goes on after a kill; by default beside the
    output. Removed at the end."""


@dataclass(frozen=True, kw_only=True)
class DvrExportOptions:
    """What else is written."""

    slicer: Path | None = None
    """The transfer function for 3D Slicer: a volume property (.vp)."""
    paraview: Path | None = None
    """The transfer function for ParaView: a colour map (.json), its opacities per 1.5 mm."""
    volume: Path | None = None
    """Colour and extinction of every voxel (.safetensors), for "tomosplat prime --from-dvr"."""
