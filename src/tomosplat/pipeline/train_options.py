"""What can be asked of ``tomosplat train``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How the network is trained."""

    preset: Literal["compact", "paper"] = "compact"
    """compact: 5.6 M parameters, works in tiles; paper: nnU-Net's layout with 31.1 M."""
    light_channels: bool = True
    """Tell the network the marched light, so that its result is right for any light rig and any visible organs."""
    dense_steps: int = 2000
    """Steps of the first stage: from scenes fitted to the dataset's pictures, each once."""
    picture_steps: int = 0
    """Steps of the second stage: from the dataset's pictures, through the splatting."""
    crop: int = 48
    """Edge of what the network is shown at once, in voxels of the Gaussians' grid."""
    accumulate: int = 1
    """Crops in each step, of all processes together if torchrun has started several."""
    pictures: int = 4
    """Pictures of a scene in each step of the second stage."""
    learning_rate: float = 1e-3
    """At the beginning of the first stage."""
    picture_rate: float = 5e-4
    """Learning rate at the beginning of the second stage."""
    bf16: bool | None = None
    """Compute in bfloat16; by default where the processor has it and crops are not too small for it."""
    minutes: float = 5.0
    """How often the state, the weights and the preview are written."""
    solve_crops: int = 64
    """Crops from which the head is solved by least squares before the first stage and after it; 0 for never."""
    start: Path | None = None
    """Begin with these weights instead of random ones."""
    seed: int = 0
    """Another seed gives other weights, looks and crops."""
