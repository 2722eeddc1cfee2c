"""What can be asked of ``tomosplat dvr``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TransferModel = Literal["lookup", "mlp", "lookup2d"]


@dataclass(frozen=True, kw_only=True)
class DvrFitOptions:
    """How a transfer function is fitted to pictures."""

    model: TransferModel = "lookup"
    """lookup: a table over the values; mlp: a small network of the value; lookup2d: a table over the value and how
    steeply it changes, of which the file holds the mean over the scan."""
    epochs: int = 100
    """How often every picture is shown."""
    learning_rate: float | None = None
    """By default 0.3 for tables and 0.05 for the network."""
    batch: int = 6
    """Pictures in each step."""
    loss: Literal["mse", "mse+ssim"] = "mse"
    """Squared error, or with 1 − SSIM added, which asks for finer detail."""
    rate: float | None = None
    """Samples per voxel, the same in all epochs; by default they grow from 0.1 to 2."""
    no_jitter: bool = False
    """Sample every ray at the same places in all epochs."""
    seed: int = 0
    """Another seed begins elsewhere, shows the pictures in another order and jitters differently."""
    preview: Path | None = None
    """Keep this PNG up to date: a picture as it should look, and as it looks now."""
    checkpoint: Path | None = None
    """Where the state is kept while the fit runs, so that the same command goes on after a kill; by default beside the
    output. Removed at the end."""
