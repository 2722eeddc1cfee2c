"""A learned table as a transfer function or as a coloured volume."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.dvr.lookup import Features
from tomosplat.dvr.reference import look_up
from tomosplat.dvr.scan_features import ScanFeatures
from tomosplat.transfer import MAX_OPACITY, OPACITY_LENGTH_MM, TransferFunction
from tomosplat.volume import LabelMap, OpticalVolume, Volume

F64 = NDArray[np.float64]
#: Opacity per 1.5 mm that is as good as none: over half a metre it adds up to less than one level of 8 bits.
_INVISIBLE = 1e-5


def transfer_function_of(
    table: Tensor, seen: Tensor, scan: ScanFeatures, edge_mm: float
) -> tuple[TransferFunction, list[str]]:
    """A table whose emission is multiplied by opacity as an ordinary transfer function, and what was changed for it.

    Entries that no ray met, so of which no picture told anything, follow their neighbours. A table of two features is
    averaged over the steepness of the shown voxels.

    Args:
        table: [M, 4] or [G, M, 4].
        seen: [M] or [G, M] bool, the entries that some ray met.
        scan: What the table's ends mean.
        edge_mm: The voxel edge d_v that its absorption is for.
    """
    notes = []
    numbers, known = table.double().numpy(), seen.numpy()
    features = scan.features
    if features.others is not None and numbers.ndim == 3:
        shown = features.shown if features.shown is not None else np.ones(features.values.shape, np.bool_)
        numbers, known = _averaged(numbers, known, features.others[shown], features.values[shown])
        notes.append("mean over the steepness of the scan's voxels of a function of value and steepness")
    if not known.all():
        notes.append(
            f"{np.count_nonzero(~known)} of {known.size} entries were in no picture and follow their neighbours"
        )
        numbers = _filled(numbers, known)
    opacity = -np.expm1(-numbers[:, 3] * OPACITY_LENGTH_MM / edge_mm)
    if (opacity > MAX_OPACITY).any():
        notes.append(f"opacities above {MAX_OPACITY} per {OPACITY_LENGTH_MM} mm written as that")
    opacity = np.where(opacity < _INVISIBLE, 0, np.minimum(opacity, MAX_OPACITY))
    points = np.column_stack([scan.values_of(len(numbers)), numbers[:, :3], opacity])
    return TransferFunction(points), notes


def colored_volume(
    table: Tensor, scan: ScanFeatures, volume: Volume, labels: LabelMap | None, edge_mm: float
) -> OpticalVolume:
    """What light meets in a scan whose voxels a table classifies; emission is multiplied by opacity."""
    features = scan.features
    rgb = np.empty((*volume.grid.shape, 3), np.float32)
    extinction = np.empty(volume.grid.shape, np.float32)
    for i in range(volume.grid.shape[0]):  # a slab stays in the cache
        numbers = _classified(table, features, i)
        rgb[i], extinction[i] = numbers[..., :3], numbers[..., 3] / edge_mm
        if features.shown is not None:
            extinction[i] *= features.shown[i]
    ids = labels.values if labels is not None else np.ones(volume.grid.shape, np.uint8)
    return OpticalVolume(extinction, rgb, ids, volume.grid, volume.values)


def _classified(table: Tensor, features: Features, i: int) -> NDArray[np.float32]:
    values = torch.from_numpy(features.values[i])
    if features.others is None:
        return look_up(table, values).numpy()
    n = table.shape[0] - 1
    at = torch.from_numpy(features.others[i]) * n
    row = at.floor().long().clamp(max=n - 1)
    total = torch.zeros((*values.shape, 4))
    for g in range(n):
        here = row == g
        if bool(here.any()):
            share = (at[here] - g)[:, None]
            total[here] = look_up(table[g], values[here]) * (1 - share) + look_up(table[g + 1], values[here]) * share
    return total.numpy()


def _averaged(
    table: F64, seen: NDArray[np.bool_], others: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[F64, NDArray[np.bool_]]:
    """A table over two features, of which some voxels have ``others`` and ``values``, as one over the second."""
    bins = [np.linspace(-0.5, n - 0.5, n + 1) / (n - 1) for n in table.shape[:2]]
    counts, *_ = np.histogram2d(others, values, bins=bins)
    counts = counts * seen
    total = counts.sum(axis=0)
    absorption = (counts * table[..., 3]).sum(axis=0)
    weights = counts * table[..., 3]
    safe = np.where(absorption > 0, absorption, 1)
    colors = np.einsum("gm,gmc->mc", weights, table[..., :3]) / safe[:, None]
    mean = np.column_stack([colors, absorption / np.maximum(total, 1)])
    return mean, total > 0


def _filled(table: F64, known: NDArray[np.bool_]) -> F64:
    places = np.arange(len(table))
    return np.column_stack([np.interp(places, places[known], column[known]) for column in table.T])
