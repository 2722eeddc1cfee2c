"""How a transfer function is fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tomosplat.dvr.objective import Loss
from tomosplat.errors import InputError

TableKind = Literal["lookup", "mlp", "lookup2d"]

#: Learning rates of the paper (sec. 4.1.1).
_RATES: dict[TableKind, float] = {"lookup": 0.3, "lookup2d": 0.3, "mlp": 0.05}


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Adam with β = (0.9, 0.99) over pictures of one volume, as in the paper's section 4.1.

    Attributes:
        kind: A table over the value ("lookup"), one over the value and the steepness of its change ("lookup2d"), or a
            perceptron of the value ("mlp").
        epochs: How often every picture is shown.
        learning_rate: None takes the paper's, 0.3 for tables and 0.05 for perceptrons.
        batch: Pictures in each step.
        loss: See ``picture_loss``.
        low_rate: Samples per voxel edge in the first epoch, s_l.
        high_rate: In the last, s_h; equal to ``low_rate``, the rate is constant.
        test_rate: When the quality is measured.
        jitter: Draw each ray's first sample anew in every step.
        associated: Whether emission is multiplied by opacity (see ``March``).
        entries: Entries of a lookup table.
        seed: Another seed begins, shuffles and jitters differently.

    Raises:
        InputError: A value is out of its range.
    """

    kind: TableKind = "lookup"
    epochs: int = 100
    learning_rate: float | None = None
    batch: int = 3
    loss: Loss = "mse"
    low_rate: float = 0.1
    high_rate: float = 2.0
    test_rate: float = 3.0
    jitter: bool = True
    associated: bool = False
    entries: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1 or self.entries < 2 or self.seed < 0:
            raise InputError(f"epochs and batch must be at least 1, entries 2 and seed 0; got {self}")
        rates = (self.step_size, self.low_rate, self.high_rate, self.test_rate)
        if not all(0 < rate < math.inf for rate in rates):
            raise InputError(f"learning and sampling rates must be finite numbers above 0; got {self}")

    @property
    def step_size(self) -> float:
        """The learning rate."""
        return self.learning_rate if self.learning_rate is not None else _RATES[self.kind]
