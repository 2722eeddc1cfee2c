"""How rays are sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tomosplat.errors import InputError


@dataclass(frozen=True)
class March:
    """Sampling of rays.

    A sample of emission c and absorption κ (per voxel edge d_v) has opacity A = 1 − exp(−κΔt) and emits c·Δt, as the
    paper has it (eq. 2, 3), or, ``associated``, c·A, as classic compositing has it. Without association a sample emits
    at any opacity, so colours are unbounded; with it c is a colour.

    Attributes:
        rate: Samples per voxel edge, s; Δt = d_v / s (eq. 4).
        associated: Whether emission is multiplied by opacity instead of Δt.

    Raises:
        InputError: The rate is not a finite number above 0.
    """

    rate: float = 1.0
    associated: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise InputError(f"the sampling rate must be a finite number above 0, got {self.rate}")

    @property
    def step(self) -> float:
        """Δt in d_v."""
        return 1 / self.rate
