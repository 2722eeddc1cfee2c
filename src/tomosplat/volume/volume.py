"""What a scan is in memory: values, labels and optical properties on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import LabelError, ShapeError, UnitsError
from tomosplat.geometry import Grid

#: HU of CT; signal "relative" to its own range (``tomosplat.volume.signal``); or what only the file knows.
Unit = Literal["HU", "relative", "arbitrary"]
Modality = Literal["CT", "MR", "US", "unknown"]


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan.

    Attributes:
        values: [I, J, K] float32, finite.
        grid: Where the voxels are (RAS+ mm).
        unit: "HU" for calibrated CT, "relative" for MR and ultrasound from 0 (air) to 1 (bright), else "arbitrary".
        modality: What made the scan.
        history: One line for each change that was made to the data since the file.

    Raises:
        ShapeError: ``values`` does not have the grid's shape.
        UnitsError: A value is NaN or infinite.
    """

    values: NDArray[np.float32]
    grid: Grid
    unit: Unit = "arbitrary"
    modality: Modality = "unknown"
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise ShapeError(f"volume values have shape {self.values.shape}, its grid {self.grid.shape}")
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float32))
        # A sum is finite only if every term is; it needs no array of its own, unlike isfinite.
        if not np.isfinite(self.values.sum(dtype=np.float64)):
            n_bad = int(np.count_nonzero(~np.isfinite(self.values)))
            raise UnitsError(
                f"{n_bad} of {self.values.size} voxels are NaN or infinite; "
                "replace them (for CT with -1024) and try again"
            )

    def noted(self, change: str) -> Volume:
        """Return this volume with one more line of history."""
        return replace(self, history=(*self.history, change))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Which organ each voxel belongs to.

    Attributes:
        values: [I, J, K] uint8 label ids; 0 is background.
        grid: Where the voxels are (RAS+ mm).
        names: Name of every id that occurs.
        history: One line for each change that was made to the data since the file.

    Raises:
        ShapeError: ``values`` does not have the grid's shape.
        LabelError: The ids are not whole numbers from 0 to 255.
    """

    values: NDArray[np.uint8]
    grid: Grid
    names: Mapping[int, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise ShapeError(f"label values have shape {self.values.shape}, their grid {self.grid.shape}")
        if self.values.dtype != np.uint8:
            low, high = self.values.min(initial=0), self.values.max(initial=0)
            whole = self.values.astype(np.uint8)
            if not (low >= 0 and high <= 255 and np.array_equal(whole, self.values)):
                raise LabelError(f"label ids must be whole numbers from 0 to 255, got values from {low} to {high}")
            object.__setattr__(self, "values", whole)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Voxels of each id, [256]."""
        # In memory order and in slices: bincount makes eight bytes of each one that it is given.
        flat = self.values.ravel(order="K")
        step = 1 << 22
        parts = [np.bincount(flat[start : start + step], minlength=256) for start in range(0, flat.size, step)]
        counts: NDArray[np.int64] = np.sum(parts, axis=0, dtype=np.int64)
        return counts

    @property
    def ids(self) -> list[int]:
        """The label ids that occur, background left out."""
        return [int(i) for i in np.flatnonzero(self.counts) if i != 0]


@dataclass(frozen=True, eq=False)
class OpticalVolume:
    """What light meets in the scan: the transfer function applied to values and labels.

    Attributes:
        extinction: [I, J, K] float32, 1/mm; 0 where nothing is visible.
        rgb: [I, J, K, 3] float32 in 0..1, display-referred (sRGB), not multiplied by opacity.
        labels: [I, J, K] uint8, the label of each voxel.
        grid: Where the voxels are (RAS+ mm).
        values: [I, J, K] float32, the scan's values that this was made from; None where that is not known.

    Raises:
        ShapeError: An array does not have the grid's shape.
    """

    extinction: NDArray[np.float32]
    rgb: NDArray[np.float32]
    labels: NDArray[np.uint8]
    grid: Grid
    values: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = self.grid.shape
        if self.extinction.shape != shape or self.labels.shape != shape or self.rgb.shape != (*shape, 3):
            raise ShapeError(
                f"optical arrays must be {shape}, {(*shape, 3)} and {shape}, "
                f"got {self.extinction.shape}, {self.rgb.shape} and {self.labels.shape}"
            )
        if self.values is not None and self.values.shape != shape:
            raise ShapeError(f"optical values must be {shape}, got {self.values.shape}")
