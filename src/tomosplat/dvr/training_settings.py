"""How a renderer is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tomosplat.dvr.model_settings import ModelName, ModelSettings
from tomosplat.dvr.objective import Loss
from tomosplat.errors import InputError

#: Learning rate and pictures in each step, as in the paper (sec. 4.2.1).
PAPER_RATES: Mapping[ModelName, tuple[float, int]] = MappingProxyType(
    {
        "lookup": (0.03, 32),
        "mlp": (0.05, 32),
        "rendernet": (0.05, 10),
        "vnet4-4": (0.003, 2),
        "vnetl16-4": (0.003, 2),
        "vnetl16-17": (0.003, 2),
        "dvrnet": (0.003, 2),
    }
)


@dataclass(frozen=True, kw_only=True)
class DvrTrainSettings:
    """Adam with β = (0.9, 0.99) on pictures of one subject in each step, whose volume is encoded once for all of them.

    Attributes:
        model: What is trained.
        epochs: How often every picture is shown.
        learning_rate: None is the paper's for the model.
        batch: Pictures in each step, at most; None is the paper's for the model.
        low_rate: Samples per voxel edge in the first epoch (s_l).
        high_rate: What they grow to (s_h), and those that held-out pictures are drawn with.
        jitter: Begin every ray at a random share of its first step.
        loss: What is minimised.
        seed: Draws weights, order and jitter.

    Raises:
        InputError: A value is out of its range.
    """

    model: ModelSettings
    epochs: int = 200
    learning_rate: float | None = None
    batch: int | None = None
    low_rate: float = 0.1
    high_rate: float = 1.0
    jitter: bool = True
    loss: Loss = "mse+ssim"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.seed < 0 or self.n_pictures < 1:
            raise InputError("epochs and batch must be at least 1 and seed at least 0")
        if not (self.adam_rate > 0 and 0 < self.low_rate <= self.high_rate):
            raise InputError("the learning rate must be positive, and low_rate positive and at most high_rate")

    @property
    def adam_rate(self) -> float:
        """Learning rate."""
        return PAPER_RATES[self.model.name][0] if self.learning_rate is None else self.learning_rate

    @property
    def n_pictures(self) -> int:
        """Pictures in each step, at most."""
        return PAPER_RATES[self.model.name][1] if self.batch is None else self.batch
