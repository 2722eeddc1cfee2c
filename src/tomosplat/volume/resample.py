"""Scans and labels on another grid: linear and anti-aliased for values, nearest for labels."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from tomosplat import machine
from tomosplat.errors import GeometryError, MemoryLimitError
from tomosplat.geometry import FloatArray, Grid
from tomosplat.volume.volume import LabelMap, Volume

AIR_HU = -1024.0
MIN_WORKING_VOXELS = 16
#: Values, labels, extinction and colour of a working grid, and the copies made while they are computed.
_BYTES_PER_WORKING_VOXEL = 40
_SMOOTHED_SLABS = 16
_SMOOTHED_REACH = 3.0  # standard deviations


def working_grid(grid: Grid, spacing_mm: float = 1.5, memory_limit: int | None = None) -> Grid:
    """Axis-aligned RAS grid of cubic voxels that covers ``grid``, with an even number of voxels along each axis.

    Its lowest corner (voxel faces, not centres) is that of ``grid``; the evenness makes the half-resolution grid whole.

    Args:
        grid: Where the scan is.
        spacing_mm: Edge of a voxel.
        memory_limit: Bytes that work on the grid may take; what the machine has free by default.

    Raises:
        GeometryError: The spacing is not positive, or leaves fewer than 16 voxels along an axis.
        MemoryLimitError: The grid would be too large.
    """
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise GeometryError(f"spacing_mm must be a positive number of mm, got {spacing_mm}")
    low, high = grid.bounds
    # An extent that is a whole number of voxels, up to rounding, must not gain one.
    pairs = np.ceil((high - low) / (2 * spacing_mm) - 1e-6)
    limit = machine.available_memory() if memory_limit is None else memory_limit
    needed = 8 * float(pairs.prod()) * _BYTES_PER_WORKING_VOXEL
    if needed > limit:
        raise MemoryLimitError(
            f"a grid of {spacing_mm:g} mm over {grid} takes {needed / 1e9:.2f} GB, {limit / 1e9:.2f} GB may be "
            f"used; choose a spacing of {1.02 * spacing_mm * (needed / limit) ** (1 / 3):.3g} mm, or crop the scan"
        )
    shape = tuple(int(n) for n in 2 * pairs)
    if min(shape) < MIN_WORKING_VOXELS:
        raise GeometryError(
            f"a grid of {spacing_mm:g} mm over {grid} has only {'x'.join(map(str, shape))} voxels, at least "
            f"{MIN_WORKING_VOXELS} along each axis are needed; choose a spacing of "
            f"{float((high - low).min()) / (MIN_WORKING_VOXELS - 1):.3g} mm"
        )
    return Grid.axis_aligned((shape[0], shape[1], shape[2]), spacing_mm, low + spacing_mm / 2)


def resample(volume: Volume, grid: Grid) -> Volume:
    """Interpolate a scan linearly at the voxel centres of ``grid``.

    Along axes that lose resolution the scan is first smoothed by the Gaussian that turns its voxel size into the new
    one (full widths at half maximum subtract in squares; Cardoso et al., "Scale factor point spread function
    matching", 2015). Outside the scan there is air (-1024) for HU and the scan's minimum otherwise, so that no surface
    appears that was not there; the outer half of a border voxel keeps its value.
    """
    if volume.grid.matches(grid):
        return volume
    fill = AIR_HU if volume.unit == "HU" else float(volume.values.min())
    sigmas = _smoothing(volume.grid, grid)
    values = _interpolate(_smoothed(volume.values, sigmas), volume.grid, grid, sitk.sitkLinear, fill)
    smoothing = ", ".join(f"{sigma:.2f}" for sigma in sigmas)
    note = (
        f"resampled linearly from {volume.grid} to {grid}, after smoothing by {smoothing} voxels along i, j, k; "
        f"{fill:g} outside the scan"
    )
    return Volume(values, grid, volume.unit, volume.modality, (*volume.history, note))


def resample_labels(labels: LabelMap, grid: Grid) -> LabelMap:
    """Take, at each voxel centre of ``grid``, the label of the voxel that it lies in; 0 outside."""
    if labels.grid.matches(grid):
        return labels
    values = _interpolate(labels.values, labels.grid, grid, sitk.sitkNearestNeighbor, 0)
    note = f"labels resampled by nearest neighbour from {labels.grid} to {grid}"
    return LabelMap(values, grid, labels.names, (*labels.history, note))


def _index_map(source: Grid, target: Grid) -> FloatArray:
    """Affine [4, 4] from indices of ``target`` to indices of ``source``."""
    mapping: FloatArray = np.linalg.solve(source.affine, target.affine).astype(np.float64)
    return mapping


def _smoothing(source: Grid, target: Grid) -> FloatArray:
    """Standard deviation of the pre-filter along each source axis, in source voxels, [3]."""
    target_size = np.linalg.norm(_index_map(source, target)[:3, :3], axis=1)
    sigmas: FloatArray = np.sqrt(np.maximum(target_size**2 - 1, 0) / (8 * math.log(2))).astype(np.float64)
    sigmas[sigmas < 0.1] = 0  # the kernel would be the identity to twenty digits
    return sigmas


def _smoothed(values: NDArray[np.float32], sigmas: FloatArray) -> NDArray[np.float32]:
    if not sigmas.any():
        return values
    values = values.copy(order="K")
    for axis in np.flatnonzero(sigmas):
        # Slabs across another axis are independent, and SciPy lets go of the interpreter while it filters them.
        across = int(np.argmax(np.where(np.arange(3) == axis, 0, values.strides)))

        def smooth(slab: NDArray[np.float32], axis: int = int(axis)) -> None:
            ndimage.gaussian_filter1d(slab, sigmas[axis], axis, output=slab, mode="nearest", truncate=_SMOOTHED_REACH)

        with ThreadPoolExecutor() as pool:
            list(pool.map(smooth, np.array_split(values, _SMOOTHED_SLABS, axis=across)))
    return values


def _interpolate(values: NDArray[Any], source: Grid, target: Grid, interpolator: int, fill: float) -> NDArray[Any]:
    # In index space any affine is allowed, sheared ones too; ITK's own geometry knows rotations only.
    mapping = _index_map(source, target)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(mapping[:3, :3].ravel().tolist())
    transform.SetTranslation(mapping[:3, 3].tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target.shape)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(interpolator)
    resampler.SetDefaultPixelValue(fill)
    image = resampler.Execute(sitk.GetImageFromArray(values.transpose()))  # ITK's arrays run k, j, i
    return np.ascontiguousarray(sitk.GetArrayViewFromImage(image).transpose())
