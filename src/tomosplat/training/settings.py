"""How the network learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from tomosplat.errors import InputError
from tomosplat.feedforward.model import ModelSettings

#: Least crop in bfloat16: on the small grids of smaller ones, torch's convolutions on the CPU return gradients that are
#: not finite now and then (2.13, a coarsest grid of 1 or 2 voxels along an edge).
SMALLEST_BF16_CROP = 32


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Two stages: from fitted scenes, then from pictures; each with Adam and a learning rate that falls to zero.

    Attributes:
        model: What is trained.
        dense_steps: Steps of the first stage.
        picture_steps: Steps of the second stage.
        crop: Edge of what the network is shown at once, in voxels of the half-resolution grid.
        accumulate: Crops in each step, of all processes together.
        pictures: Of a scene, in each step of the second stage; the network is asked once for all of them.
        learning_rate: At the beginning of the first stage.
        picture_rate: At the beginning of the second stage.
        power: The rate falls as (1 − done)^power (poly schedule, nnU-Net's 0.9).
        ema: Memory of the averaged weights, which are what is kept in the end.
        ssim_weight: Of 1 − SSIM in the loss of pictures, beside L1.
        solve_crops: Crops from which the head is solved at the beginning and the end of the first stage; 0 for never.
        bf16: Compute in bfloat16; the weights stay float32.
        augment: Vary what is shown; without it a network learns its crops by heart.
        seed: Draws crops, augmentation and first weights.

    Raises:
        InputError: A value is out of its range.
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    dense_steps: int = 2000
    picture_steps: int = 0
    crop: int = 48
    accumulate: int = 1
    pictures: int = 4
    learning_rate: float = 1e-3
    picture_rate: float = 2e-4
    power: float = 0.9
    ema: float = 0.995
    ssim_weight: float = 0.2
    solve_crops: int = 0
    bf16: bool = False
    augment: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.dense_steps, self.picture_steps, self.solve_crops, self.seed) < 0:
            raise InputError("steps, crops to solve from and seed must be at least 0")
        if min(self.accumulate, self.pictures) < 1:
            raise InputError("accumulate and pictures must be at least 1")
        multiple = self.model.layout.multiple // 2
        if self.crop < 1 or self.crop % multiple:
            raise InputError(f"crop must be a multiple of {multiple} for this network, got {self.crop}")
        if self.model.layout.norm == "instance" and self.crop < 2 * multiple:
            raise InputError(f"crop must be at least {2 * multiple} for a network with instance norm, got {self.crop}")
        if self.bf16 and self.crop < SMALLEST_BF16_CROP:
            raise InputError(f"crop must be at least {SMALLEST_BF16_CROP} in bfloat16, got {self.crop}")
        if not (self.learning_rate > 0 and self.picture_rate > 0 and 0 <= self.ema < 1 and 0 <= self.ssim_weight <= 1):
            raise InputError("learning rates must be positive, ema in 0..1 and ssim_weight in 0..1")
