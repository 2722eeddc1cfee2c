"""Transfer functions applied to a labelled scan: extinction and colour of every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import LabelError, ShapeError, UnitsError
from tomosplat.transfer.transfer_function import MAX_OPACITY, OPACITY_LENGTH_MM, TransferFunctions
from tomosplat.volume import LabelMap, OpticalVolume, Volume

# Table steps over the range of values that are not in HU; those in HU have one step per HU.
_ARBITRARY_STEPS = 16384


def extinction_of_opacity(opacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return extinction σ in 1/mm of opacity per 1.5 mm: σ = −ln(1 − min(α, 0.999)) / 1.5."""
    return -np.log1p(-np.minimum(opacity, MAX_OPACITY)) / OPACITY_LENGTH_MM


def apply_transfer(
    volume: Volume,
    labels: LabelMap,
    functions: TransferFunctions,
    group_of_label: NDArray[np.uint8],
    *,
    visible: Sequence[int] | None = None,
) -> OpticalVolume:
    """Give every voxel the extinction and colour of its value in its organ's group.

    Args:
        volume: The scan.
        labels: Labels on the same grid.
        functions: A function for each group; groups without one are invisible.
        group_of_label: [256] group index of every label id (``tomosplat.anatomy.GROUP_OF_LABEL``).
        visible: Label ids that are switched on; None for all. The others get no extinction and keep their label.

    Returns:
        The optical volume; colours are the function's own, also where extinction is 0.

    Raises:
        LabelError: The labels are on another grid.
        UnitsError: The volume is not in the unit of the functions.
        ShapeError: ``group_of_label`` is not [256].
    """
    if not labels.grid.matches(volume.grid):
        raise LabelError(
            f"labels are on another grid than the volume: {labels.grid.shape} at {labels.grid.spacing.tolist()} mm, "
            f"expected {volume.grid.shape} at {volume.grid.spacing.tolist()} mm; resample them first"
        )
    if volume.unit != functions.unit:
        raise UnitsError(
            f"transfer functions {functions.name!r} are for values in {functions.unit}, the volume's are "
            f"{volume.unit}; rescale the volume or choose other functions"
        )
    if group_of_label.shape != (256,):
        raise ShapeError(f"group_of_label must have one group for each of 256 ids, got shape {group_of_label.shape}")
    table = _tabulate(functions, float(volume.values.min()), float(volume.values.max()))
    size = table.sigma.shape[1]
    row_of_label = _row_of_group(functions)[group_of_label] * np.int32(size)
    shown = _shown(visible)
    optical = OpticalVolume(
        np.empty(volume.grid.shape, dtype=np.float32),
        np.empty((*volume.grid.shape, 3), dtype=np.float32),
        labels.values,
        volume.grid,
        volume.values,
    )
    for i, (values, ids) in enumerate(zip(volume.values, labels.values, strict=True)):  # a slab stays in the cache
        bins = np.clip((values - table.low) * table.per_unit + np.float32(0.5), 0, size - 1).astype(np.int32)
        bins += row_of_label[ids]
        np.take(table.sigma.ravel(), bins, out=optical.extinction[i], mode="clip")
        np.take(table.rgb.reshape(-1, 3), bins, axis=0, out=optical.rgb[i], mode="clip")
        if shown is not None:
            optical.extinction[i] *= shown[ids]
    return optical


def _row_of_group(functions: TransferFunctions) -> NDArray[np.int32]:
    """Row of every group's function in the tables, [256]; row 0 is for groups without one."""
    rows = np.zeros(256, dtype=np.int32)
    rows[list(functions.functions)] = np.arange(1, len(functions.functions) + 1)
    return rows


class _Table(NamedTuple):
    """All functions at N evenly spaced values, from ``low`` on, ``per_unit`` of them in one unit of value."""

    low: np.float32
    per_unit: np.float32
    sigma: NDArray[np.float32]  # [1 + G, N]
    rgb: NDArray[np.float32]  # [1 + G, N, 3]


def _tabulate(functions: TransferFunctions, lowest: float, highest: float) -> _Table:
    """Sample the functions where the values, ``lowest`` to ``highest``, and their points overlap."""
    ends = [f.points[[0, -1], 0] for f in functions.functions.values()]
    low, high = np.clip([lowest, highest], np.min(ends), np.max(ends)).tolist()
    if functions.unit == "HU":
        low, per_unit = np.floor(low), 1.0
        values = np.arange(low, np.ceil(high) + 1)
    else:
        per_unit = _ARBITRARY_STEPS / (high - low) if high > low else 0.0
        values = np.linspace(low, high, _ARBITRARY_STEPS + 1)
    rgba = np.stack([np.zeros((values.size, 4)), *(f(values) for f in functions.functions.values())])
    sigma = extinction_of_opacity(rgba[..., 3]).astype(np.float32)
    return _Table(np.float32(low), np.float32(per_unit), sigma, rgba[..., :3].astype(np.float32))


def _shown(visible: Sequence[int] | None) -> NDArray[np.bool_] | None:
    if visible is None:
        return None
    shown = np.zeros(256, dtype=np.bool_)
    shown[list(visible)] = True
    return shown
