"""Light from all around: constant, a gradient from above to below, or a latitude-longitude map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import InputError, ShapeError, UnitsError
from tomosplat.geometry import FloatArray
from tomosplat.lighting.rigs import RGB


@dataclass(frozen=True, eq=False)
class Environment:
    """Radiance from every direction, fixed in the patient's frame, constant within each pixel of a map.

    Rows go evenly from straight above the head (+z) to straight below. Columns go evenly around the patient as camera
    azimuths do: the left edge is the front (+y), a quarter further on is the patient's left side, half-way the back.

    Attributes:
        radiance: [H, W, 3] float32, linear RGB; one pixel is a constant environment, one column a vertical gradient.

    Raises:
        ShapeError: The map is not [H, W, 3].
        UnitsError: A radiance is negative, NaN or infinite.
    """

    radiance: NDArray[np.float32]

    def __post_init__(self) -> None:
        radiance = np.ascontiguousarray(self.radiance, dtype=np.float32)
        if radiance.ndim != 3 or radiance.shape[2] != 3 or radiance.size == 0:
            raise ShapeError(f"an environment map must be [H, W, 3] linear RGB, got {radiance.shape}")
        if not (np.isfinite(radiance).all() and radiance.min() >= 0):
            raise UnitsError("an environment map must hold finite linear radiances of at least 0; this one does not")
        radiance.setflags(write=False)
        object.__setattr__(self, "radiance", radiance)

    @classmethod
    def constant(cls, rgb: RGB) -> Environment:
        """The same radiance from everywhere."""
        return cls(np.array([[rgb]], dtype=np.float32))

    @classmethod
    def gradient(cls, above: RGB, horizon: RGB, below: RGB, rows: int = 64) -> Environment:
        """Blend from above to the horizon to below, linearly in the height z of the direction, in ``rows`` bands."""
        if rows < 2:
            raise InputError(f"a gradient needs at least 2 rows, got {rows}")
        heights = np.cos(math.pi * (np.arange(rows) + 0.5) / rows)[:, None]
        end = np.where(heights > 0, np.asarray(above), np.asarray(below))
        blend = np.abs(heights)
        return cls((blend * end + (1 - blend) * np.asarray(horizon)).astype(np.float32)[:, None])

    def turned(self, azimuth_deg: float) -> Environment:
        """Turn around the patient's long axis so that what was in front comes to ``azimuth_deg``, to the next pixel."""
        shift = round(azimuth_deg / 360 * self.radiance.shape[1])
        return Environment(np.roll(self.radiance, shift, axis=1))

    def look(self, directions: ArrayLike) -> NDArray[np.float32]:
        """Radiance [..., 3] that comes from unit directions [..., 3]."""
        d: FloatArray = np.asarray(directions, dtype=np.float64)
        height, width = self.radiance.shape[:2]
        rows = (np.arccos(np.clip(d[..., 2], -1, 1)) / math.pi * height).astype(np.int64)
        turns = np.arctan2(-d[..., 0], d[..., 1]) / (2 * math.pi) % 1.0
        columns = (turns * width).astype(np.int64)
        seen: NDArray[np.float32] = self.radiance[np.minimum(rows, height - 1), np.minimum(columns, width - 1)]
        return seen
