"""What can be asked of ``tomosplat dvr train`` and ``tomosplat dvr render``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DvrModel = Literal["lookup", "mlp", "vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet", "rendernet"]


@dataclass(frozen=True, kw_only=True)
class DvrTrainingOptions:
    """How a renderer is trained."""

    model: DvrModel = "dvrnet"
    """lookup and mlp see only the value of a sample; vnet4-4, vnetl16-4 and vnetl16-17 see the volume around it; dvrnet
    sees the picture around a pixel too; rendernet is the paper's baseline."""
    width: int | None = None
    """Channels of the finest level, the others in proportion; by default the paper's (16; rendernet 32)."""
    levels: int | None = None
    """Resolutions of a V-Net; by default the paper's (5, of the light ones 4). Fewer for small volumes."""
    depth: int = 128
    """Samples along each ray of rendernet."""
    dropout: float = 0.5
    """Share of the channels of a V-Net that are left out in training."""
    classification: Literal["pre", "post"] = "pre"
    """Map the features of voxels to colour and opacity, or, as in the paper, those of samples, which takes longer."""
    associated: bool = False
    """Multiply emission by opacity, as classic compositing does; the paper does not."""
    recompute: bool = False
    """Keep less in memory and compute it again when it is needed; the result is the same."""
    epochs: int = 200
    """How often every picture is shown."""
    learning_rate: float | None = None
    """By default the paper's: 0.03 for lookup, 0.05 for mlp and rendernet, 0.003 for the others."""
    batch: int | None = None
    """Pictures in each step, all of one volume; by default the paper's: 32 for lookup and mlp, 10 for rendernet, else
    2."""
    low_rate: float = 0.1
    """Samples per voxel in the first epoch."""
    high_rate: float = 1.0
    """Samples per voxel in the end."""
    no_jitter: bool = False
    """Sample every ray at the same places in all epochs."""
    loss: Literal["mse", "mse+ssim"] = "mse+ssim"
    """Squared error, or with 1 − SSIM added, which asks for finer detail."""
    hold_out: float = 0.2
    """Share of the volumes, or of the pictures of one volume alone, that only judge: the weights kept are those of the
    epoch with their highest SSIM."""
    minutes: float = 5.0
    """How often the state is written."""
    seed: int = 0
    """Another seed gives other weights, order and jitter, and holds out others."""


@dataclass(frozen=True, kw_only=True)
class DvrRenderOptions:
    """How a trained renderer draws."""

    rate: float | None = None
    """Samples per voxel; by default as many as it was trained with in the end."""
