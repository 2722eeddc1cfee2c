"""Slices in physical space: parallel ones (a stack), and frames that each have a pose of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import ConstantSlicesError, GeometryError, LabelError, ShapeError, SliceSpacingError, UnitsError
from tomosplat.geometry import FloatArray, Grid, closest_axes
from tomosplat.volume import LabelMap, Modality, Unit, Volume
from tomosplat.volume.orientation import AxisOrder

#: Along which the slices follow one another. "thick" is the index axis with the largest spacing.
Axis = Literal["axial", "coronal", "sagittal", "thick"]
_WORLD_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Parallel slices of one body, evenly spaced or not.

    Attributes:
        values: [N, H, W] float32, finite; slice n, row v, column u.
        affine: [4, 4] float64, (u, v, position) → RAS+ mm; whole u and v are pixel centres.
        positions: [N] float64, strictly increasing: where the slices are along the affine's third column. Slices
            0, 4, 8, ... of a volume have just these positions, so that whole positions are the volume's own slices.
        labels: [N, H, W] uint8 ids, 0 for background; None where nothing was labelled.
        unit: "HU" for calibrated CT, else "arbitrary".
        modality: What made the slices.
        history: One line for each change that was made to the data since the file.

    Raises:
        ShapeError: Arrays disagree, or there are no pixels.
        SliceSpacingError: There are fewer than two slices, or positions do not increase.
        UnitsError: A value is NaN or infinite.
        LabelError: Labels hold no label at all.
        ConstantSlicesError: Every slice is of one value.
        GeometryError: The affine is no invertible affine map.
    """

    values: NDArray[np.float32]
    affine: FloatArray
    positions: FloatArray
    labels: NDArray[np.uint8] | None = None
    unit: Unit = "arbitrary"
    modality: Modality = "unknown"
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values, positions = np.asarray(self.values, np.float32), np.asarray(self.positions, np.float64)
        _check_pictures(values, self.labels)
        if positions.shape != (len(values),):
            raise ShapeError(f"{len(values)} slices need as many positions, got {positions.shape}")
        if len(values) < 2:
            raise SliceSpacingError(
                f"there is {len(values)} slice only; between at least two slices something can be reconstructed"
            )
        if not np.all(np.diff(positions) > 0):
            raise SliceSpacingError(
                f"positions of slices must increase, got {positions.tolist()}; sort the slices and keep one for each"
            )
        if not np.any(np.ptp(values, axis=(1, 2)) > 0):
            raise ConstantSlicesError(
                f"each of the {len(values)} slices is of one value; was the wrong file or series given?"
            )
        affine = Grid((1, 1, 1), self.affine).affine  # checked and made read-only
        for name, value in (("values", values), ("positions", positions), ("affine", affine)):
            object.__setattr__(self, name, value)

    @classmethod
    def from_volume(cls, volume: Volume, axis: Axis | int = "thick", labels: LabelMap | None = None) -> SliceStack:
        """Take a volume's slices along one of its index axes.

        Args:
            volume: The scan.
            axis: A direction of the body (the index axis that is nearest to it), "thick", or an index axis 0..2.
            labels: Label map on the volume's grid.

        Raises:
            LabelError: The labels are on another grid.
        """
        if labels is not None and not labels.grid.matches(volume.grid):
            raise LabelError(
                f"labels are on another grid than the slices: {labels.grid}, not {volume.grid}; resample them first"
            )
        index = slice_axis(volume.grid, axis)
        order = (index, *reversed([a for a in range(3) if a != index]))
        return cls(
            np.ascontiguousarray(volume.values.transpose(order)),
            volume.grid.affine[:, [*reversed(order), 3]],
            np.arange(volume.grid.shape[index], dtype=np.float64),
            None if labels is None else np.ascontiguousarray(labels.values.transpose(order)),
            volume.unit,
            volume.modality,
            volume.history,
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice."""
        return self.values.shape[1], self.values.shape[2]

    @cached_property
    def spacing(self) -> FloatArray:
        """Millimetres from column to column, from row to row, and for one unit of position, [3]."""
        lengths: FloatArray = np.linalg.norm(self.affine[:3, :3], axis=0).astype(np.float64)
        return lengths

    @cached_property
    def planes(self) -> FloatArray:
        """For each slice the affine [4, 4] that maps (u, v, 0) to RAS+ mm, [N, 4, 4]."""
        return self.planes_at(self.positions)

    def planes_at(self, positions: FloatArray) -> FloatArray:
        """The same for any positions, [M, 4, 4]."""
        planes = np.repeat(self.affine[None], len(positions), axis=0)
        planes[:, :3, 3] += positions[:, None] * self.affine[:3, 2]
        return planes

    def grid(self, positions: ArrayLike) -> Grid:
        """Grid of index axes (u, v, slice) for evenly spaced positions, [M ≥ 2].

        Raises:
            SliceSpacingError: The positions are not evenly spaced.
        """
        at = np.asarray(positions, dtype=np.float64)
        steps = np.diff(at)
        if len(at) < 2 or not np.allclose(steps, steps[0], rtol=1e-6) or steps[0] <= 0:
            raise SliceSpacingError(f"a volume needs evenly spaced slices, got positions {at.tolist()}")
        affine = self.affine.copy()
        affine[:3, 3] += at[0] * affine[:3, 2]
        affine[:3, 2] *= steps[0]
        return Grid((self.shape[1], self.shape[0], len(at)), affine)

    def volume(self, values: NDArray[np.float32], positions: ArrayLike, note: str) -> Volume:
        """Slices [M, H, W] at evenly spaced positions as a volume in the body, axes ordered as near RAS as they go."""
        grid = self.grid(positions)
        order = nearest_to_ras(grid)
        return Volume(
            np.ascontiguousarray(order.apply(values.transpose(2, 1, 0))),
            order.grid(grid),
            self.unit,
            self.modality,
            (*self.history, note),
        )

    def label_map(self, labels: NDArray[np.uint8], positions: ArrayLike, note: str) -> LabelMap:
        """Label slices [M, H, W] as a label map, on the grid that ``volume`` gives."""
        grid = self.grid(positions)
        order = nearest_to_ras(grid)
        return LabelMap(
            np.ascontiguousarray(order.apply(labels.transpose(2, 1, 0))), order.grid(grid), {}, (*self.history, note)
        )

    def between(self, n: int) -> FloatArray:
        """Positions of the slices and of ``n - 1`` evenly spaced ones in every gap, [(N - 1) n + 1]."""
        steps = np.arange(n) / n
        inner = (self.positions[:-1, None] + np.diff(self.positions)[:, None] * steps).ravel()
        return np.append(inner, self.positions[-1])

    def subset(self, chosen: Sequence[int] | NDArray[np.int64]) -> SliceStack:
        """Some of the slices, where they are."""
        index = np.asarray(chosen, dtype=np.int64)
        labels = None if self.labels is None else self.labels[index]
        return replace(self, values=self.values[index], positions=self.positions[index], labels=labels)


@dataclass(frozen=True, eq=False)
class TrackedFrames:
    """Frames of a freehand sweep, each with its own place in space.

    Attributes:
        values: [N, H, W] float32, finite.
        planes: [N, 4, 4] float64: (u, v, 0) of frame n → mm; the third column is one millimetre along its normal.
        labels: [N, H, W] uint8 ids; None where nothing was labelled.
        modality: What made the frames.
        history: One line for each change that was made to the data since the file.

    Raises:
        ShapeError, UnitsError, LabelError, ConstantSlicesError: As ``SliceStack``.
        SliceSpacingError: There are fewer than two frames.
        GeometryError: A pose is no invertible affine map.
    """

    values: NDArray[np.float32]
    planes: FloatArray
    labels: NDArray[np.uint8] | None = None
    modality: Modality = "US"
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values, planes = np.asarray(self.values, np.float32), np.asarray(self.planes, np.float64)
        _check_pictures(values, self.labels)
        if planes.shape != (len(values), 4, 4):
            raise ShapeError(f"{len(values)} frames need poses [{len(values)}, 4, 4], got {planes.shape}")
        if len(values) < 2:
            raise SliceSpacingError(f"there is {len(values)} frame only; a sweep has at least two")
        size = np.linalg.norm(planes[:, :3, :3], axis=1).prod(axis=1)
        bad = ~np.isfinite(planes).all(axis=(1, 2)) | ~(np.abs(np.linalg.det(planes[:, :3, :3])) > 1e-6 * size)
        if bad.any():
            raise GeometryError(
                f"the pose of frame {int(bad.argmax())} is no invertible affine map ({int(bad.sum())} such frames); "
                "leave out frames that the tracker lost"
            )
        if not np.any(np.ptp(values, axis=(1, 2)) > 0):
            raise ConstantSlicesError(f"each of the {len(values)} frames is of one value; was the wrong file given?")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "planes", planes)

    def __len__(self) -> int:
        return len(self.values)


def slice_axis(grid: Grid, axis: Axis | int) -> int:
    """Which index axis the slices follow one another along, 0..2.

    Raises:
        SliceSpacingError: "thick" was asked for and no axis has the largest spacing alone.
        GeometryError: The index axis is none of 0, 1, 2.
    """
    if isinstance(axis, int):
        if axis not in (0, 1, 2):
            raise GeometryError(f"an index axis is 0, 1 or 2, got {axis}")
        return axis
    if axis != "thick":
        return closest_axes(grid.affine).index(_WORLD_AXIS[axis])
    longest = int(np.argmax(grid.spacing))
    others = np.delete(grid.spacing, longest)
    if grid.spacing[longest] < 1.2 * others.max():
        raise SliceSpacingError(
            f"no axis of {grid} is clearly the thick one; say along which the slices lie with --axis axial, coronal or "
            "sagittal"
        )
    return longest


def nearest_to_ras(grid: Grid) -> AxisOrder:
    """The order of index axes, some of them reversed, that points them right, anterior and superior."""
    world = closest_axes(grid.affine)
    axes = (world.index(0), world.index(1), world.index(2))
    back = [bool(grid.affine[row, axis] < 0) for row, axis in enumerate(axes)]
    return AxisOrder(axes, (back[0], back[1], back[2]))


def _check_pictures(values: NDArray[np.float32], labels: NDArray[np.uint8] | None) -> None:
    if values.ndim != 3 or values.size == 0:
        raise ShapeError(f"slices must be [N, H, W] with at least one pixel, got {values.shape}")
    if not np.isfinite(values.sum(dtype=np.float64)):
        n_bad = int(np.count_nonzero(~np.isfinite(values)))
        raise UnitsError(f"{n_bad} of {values.size} pixels are NaN or infinite; replace them and try again")
    if labels is None:
        return
    if labels.shape != values.shape or labels.dtype != np.uint8:
        raise ShapeError(f"labels must be uint8 {values.shape} like the slices, got {labels.dtype} {labels.shape}")
    if not labels.any():
        raise LabelError("the labels are empty: every pixel is background (0); leave them out, or give those that are")
