"""Smooth noise that is fixed in the body, so that every grid samples the same bumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tomosplat.volume.torso import kernels
from tomosplat.volume.torso.field import Window
from tomosplat.volume.torso.kernels import Array

#: Corners of the box in which noise is drawn: the whole scan with its couch, canonical mm.
_LOW, _HIGH = np.array([-240.0, -230.0, -20.0]), np.array([240.0, 160.0, 660.0])
#: Standard deviation that smoothstep interpolation in three dimensions leaves of unit bumps.
_LEFT = 0.64


@dataclass(frozen=True)
class Noise:
    """Random bumps on a coarse lattice of ``size`` [3] mm, interpolated smoothly between."""

    bumps: Array
    size: Array

    @classmethod
    def draw(cls, size_mm: float | tuple[float, float, float], rng: np.random.Generator) -> Noise:
        """Draw bumps of a width, or of a width along each of x, y and z."""
        size = np.broadcast_to(np.asarray(size_mm, np.float32), 3)
        shape = np.ceil((_HIGH - _LOW) / size).astype(int) + 2
        return cls(rng.standard_normal(shape, dtype=np.float32) / np.float32(_LEFT), size)

    def at(self, window: Window) -> Array:
        """Sample the noise, [I, J, K], zero mean and about unit variance."""
        x, y, z = (
            ((axis - np.float32(low)) / size).astype(np.float32)
            for axis, low, size in zip(window.axes, _LOW, self.size, strict=True)
        )
        return kernels.interpolate(self.bumps, x, y, z, True)
