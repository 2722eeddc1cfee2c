"""Transfer functions as tables of extinction and emission."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tomosplat.render.cpu.layout import F64, I32, I64, f32
from tomosplat.render.raymarching.kernels import Tables
from tomosplat.render.raymarching.preintegration import preintegrate, spread_nodes
from tomosplat.transfer import TransferFunction, TransferFunctions, extinction_of_opacity

#: Values at which functions are tabulated: one per HU over the 12 bits of a scanner.
SIZE = 4096
_NOTHING = np.zeros(0, np.float32)


def rows_of_labels(
    functions: TransferFunctions, group_of_label: NDArray[np.uint8], shown: NDArray[np.uint8]
) -> tuple[list[TransferFunction], I64]:
    """Functions that some shown label uses, and the row of each label [256]: 1 + index in that list, or 0."""
    used = [group for group in sorted(functions.functions) if (shown[group_of_label == group] > 0).any()]
    row_of_group = np.zeros(256, dtype=np.int64)
    row_of_group[used] = np.arange(1, len(used) + 1)
    return [functions.functions[group] for group in used], row_of_group[group_of_label] * (shown > 0)


def tabulate(
    functions: Sequence[TransferFunction], lowest: float, highest: float, step_mm: float, preintegrated: bool
) -> Tables:
    """Tabulate where values, ``lowest`` to ``highest``, and functions overlap, for steps of ``step_mm``.

    Pre-integration needs all values: how steeply they rise tells how much of a peak an interval holds.
    Row 0 of the tables is empty.
    """
    low, high = lowest, highest
    if functions and not preintegrated:
        ends = [f.points[[0, -1], 0] for f in functions]
        low, high = np.clip([lowest, highest], np.min(ends), np.max(ends)).tolist()
    # One flat step more at either end: values from far outside must not count as part of a ramp that begins there.
    margin = (high - low) / (SIZE - 3)
    low, high = low - margin, high + margin
    values = np.linspace(low, high, SIZE)
    rgba = np.stack([np.zeros((SIZE, 4)), *(f(values) for f in functions)])
    sigma = extinction_of_opacity(rgba[..., 3:])
    emission = np.concatenate([rgba[..., :3] * sigma, sigma], axis=-1)
    node, pairs, n_nodes = _NOTHING, _NOTHING, 0
    if preintegrated:
        nodes = spread_nodes(emission)
        node = np.interp(np.arange(SIZE), nodes, np.arange(len(nodes))).astype(np.float32)
        pairs, n_nodes = preintegrate(emission, nodes, step_mm).ravel(), len(nodes)
    opacity = -np.expm1(-sigma * step_mm)
    added = np.concatenate([rgba[..., :3] * opacity, opacity], axis=-1)
    return Tables(
        low=f32(low),
        per_unit=f32((SIZE - 1) / (high - low) if high > low else 0),
        emission=emission.astype(np.float32).ravel(),
        n_visible=_count_visible(sigma[..., 0]),
        node=node,
        pairs=pairs,
        n_nodes=n_nodes,
        added=added.astype(np.float32).ravel(),
    )


def _count_visible(sigma: F64) -> I32:
    """Running count of the cells between table entries with any extinction; a last row for all rows together."""
    visible = (sigma[:, :-1] > 0) | (sigma[:, 1:] > 0)
    visible = np.concatenate([visible, visible.any(axis=0, keepdims=True)])
    return np.pad(np.cumsum(visible, axis=1), ((0, 0), (1, 0))).astype(np.int32)


def mask_table() -> Tables:
    """Tables of one row in which every value is visible: what is drawn depends on the label alone."""
    n_visible = np.array([[0, 0], [0, 1], [0, 1]], np.int32)
    return Tables(f32(0), f32(0), _NOTHING, n_visible, _NOTHING, _NOTHING, 0, _NOTHING)
