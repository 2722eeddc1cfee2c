"""Values and labels on a grid as blobs (docs/viewer-format.md)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError, LabelError
from tomosplat.viewer.packing.blob import Blob
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.resample import resample, resample_labels, working_grid

#: 256³: what a laptop's browser shows in three panes without trouble; 50 MB.
MAX_VOXELS = 1 << 24
#: Steps over the range of values that are not in HU: the noise below them costs bytes and is not seen.
_ARBITRARY_STEPS = 4095


def pack_volume(volume: Volume, labels: LabelMap, *, max_voxels: int = MAX_VOXELS) -> Blob:
    """Pack a scan and its labels for the slice panes.

    Values in HU are rounded to whole HU (to more where their range is above 65535 HU), others to 1/4095 of their
    range. A grid of more than ``max_voxels`` is resampled to cubic voxels just large enough; the blob's affine and
    shape tell it.

    Raises:
        LabelError: The labels are on another grid.
        InputError: ``max_voxels`` leaves no volume.
    """
    if not labels.grid.matches(volume.grid):
        raise LabelError(f"labels are on {labels.grid}, the volume on {volume.grid}; resample them first")
    if math.prod(volume.grid.shape) > max_voxels:
        volume, labels = _coarser(volume, labels, max_voxels)
    offset, scale = _steps(volume)
    stored = np.rint((volume.values - np.float32(offset)) / np.float32(scale)).astype(np.uint16)
    header = {
        "kind": "volume",
        "version": 1,
        "shape": list(volume.grid.shape),
        "affine": volume.grid.affine.tolist(),
        "unit": volume.unit,
        "value_offset": offset,
        "value_scale": scale,
    }
    return Blob(header, {"values": _planes(_differences(stored)), "labels": labels.values.tobytes(order="F")})


def _coarser(volume: Volume, labels: LabelMap, max_voxels: int) -> tuple[Volume, LabelMap]:
    if max_voxels < 1 << 15:
        raise InputError(f"max_voxels must be at least {1 << 15}, got {max_voxels}")
    low, high = volume.grid.bounds
    spacing = float(np.prod(high - low) / max_voxels) ** (1 / 3)
    grid = working_grid(volume.grid, spacing)
    while math.prod(grid.shape) > max_voxels:  # edges are rounded up to whole voxels
        spacing *= 1.01
        grid = working_grid(volume.grid, spacing)
    return resample(volume, grid), resample_labels(labels, grid)


def _steps(volume: Volume) -> tuple[float, float]:
    """Value of the stored number 0, and of one step."""
    low, high = float(volume.values.min()), float(volume.values.max())
    if volume.unit == "HU":
        return math.floor(low), max(1.0, (high - math.floor(low)) / 65535)
    return low, (high - low) / _ARBITRARY_STEPS if high > low else 1.0


def _differences(stored: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Differences along the first index, modulo 65536; the first voxel of each row as it is."""
    differences: NDArray[np.uint16] = np.diff(stored, axis=0, prepend=np.uint16(0))
    return differences


def _planes(numbers: NDArray[np.uint16]) -> bytes:
    flat = np.asfortranarray(numbers).ravel(order="K")
    return (flat & 255).astype(np.uint8).tobytes() + (flat >> 8).astype(np.uint8).tobytes()


def unpack_volume(blob: Blob) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Values and labels [I, J, K] that the page shows."""
    header: Any = blob.header
    shape = tuple(header["shape"])
    low, high = np.frombuffer(blob.sections["values"], dtype=np.uint8).reshape(2, -1).astype(np.uint16)
    stored = np.cumsum((low | high << 8).reshape(shape, order="F"), axis=0, dtype=np.uint16)
    labels = np.frombuffer(blob.sections["labels"], dtype=np.uint8).reshape(shape, order="F")
    return header["value_offset"] + header["value_scale"] * stored.astype(np.float64), labels
