"""All the pictures of one call: tables and bricks once, then every camera on a pool of threads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tomosplat import threads
from tomosplat.errors import EmptySceneError
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.cpu.layout import F32, I32, I64, U8
from tomosplat.render.raymarching.bricks import find_visible, value_ranges
from tomosplat.render.raymarching.compositing import composite
from tomosplat.render.raymarching.kernels import Scan
from tomosplat.render.raymarching.projecting import project
from tomosplat.render.raymarching.rays import view_of
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.raymarching.shading import light_of
from tomosplat.render.raymarching.tables import mask_table, rows_of_labels, tabulate
from tomosplat.render.raymarching.tiles import n_slots
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume

#: Ranges of pixels that each thread gets per picture: some have much more to draw than others.
_JOBS_PER_THREAD = 16


def composite_views(
    volume: Volume,
    labels: LabelMap,
    functions: TransferFunctions,
    group_of_label: NDArray[np.uint8],
    shown: U8,
    cameras: Cameras,
    settings: RaymarchSettings,
    progress: Progress | None,
) -> tuple[F32, F32]:
    """Pictures [C, H, W, 4] and depths [C, H, W]."""
    preintegrated = settings.classification == "preintegrated"
    values, ids = _voxels(volume, labels)
    lowest, highest = value_ranges(values, _half_step(volume.grid, settings.step_mm) if preintegrated else (0, 0, 0))
    used, rows = rows_of_labels(functions, group_of_label, shown)
    ends = float(lowest.min()), float(highest.max())
    tables = tabulate(used, *ends, settings.step_mm if preintegrated else None)
    scan = _scan(values, ids, rows, *find_visible(ids, rows, tables, lowest, highest), settings.skip_empty)
    light = light_of(settings.shading, volume)
    size = len(cameras), cameras.height, cameras.width
    rgba, depth = np.empty((*size, 4), np.float32), np.empty(size, np.float32)
    for number in range(len(cameras)):
        view = view_of(cameras, number, volume.grid, settings)
        arguments = (view, scan, tables, light, preintegrated, rgba[number].ravel(), depth[number])
        threads.run(composite, [(*part, *arguments) for part in _parts(cameras)])
        if progress:
            progress(number + 1, len(cameras))
    return rgba, depth


def project_views(
    volume: Volume,
    labels: LabelMap,
    shown: U8,
    cameras: Cameras,
    settings: RaymarchSettings,
    progress: Progress | None,
) -> tuple[F32, F32]:
    """Highest or mean values [C, H, W], and depths [C, H, W] of the highest; NaN where a ray met nothing."""
    values, ids = _voxels(volume, labels)
    lowest, highest = value_ranges(values, (0, 0, 0))
    rows = shown.astype(np.int64)
    scan = _scan(values, ids, rows, *find_visible(ids, rows, mask_table(), lowest, highest), settings.skip_empty)
    if not settings.skip_empty:
        highest[:] = np.inf
    size = len(cameras), cameras.height, cameras.width
    pictures, depth = np.empty(size, np.float32), np.empty(size, np.float32)
    mean = settings.mode == "average"
    for number in range(len(cameras)):
        view = view_of(cameras, number, volume.grid, settings)
        arguments = (view, scan, highest, mean, pictures[number], depth[number])
        threads.run(project, [(*part, *arguments) for part in _parts(cameras)])
        if progress:
            progress(number + 1, len(cameras))
    return pictures, depth


def _voxels(volume: Volume, labels: LabelMap) -> tuple[F32, U8]:
    """Values and labels in one piece, at least two along each axis: interpolation needs them."""
    values, ids = np.ascontiguousarray(volume.values), np.ascontiguousarray(labels.values)
    for axis in range(3):
        if values.shape[axis] == 1:
            values, ids = np.repeat(values, 2, axis), np.repeat(ids, 2, axis)
    return values, ids


def _scan(values: F32, ids: U8, rows: I64, distances: U8, brick_rows: I32, skip: bool) -> Scan:
    """What the kernels march through.

    Raises:
        EmptySceneError: No sample can be visible.
    """
    if distances.all():
        raise EmptySceneError(
            "nothing would be visible: no voxel of the labels shown has a value that its transfer function shows; "
            "check the labels, 'visible' and the functions' range"
        )
    if not skip:
        distances[:] = 0
    i, j, k = values.shape
    return Scan(values.ravel(), ids.ravel(), rows, (i, j, k), distances, brick_rows)


def _half_step(grid: Grid, step_mm: float) -> tuple[int, int, int]:
    """Voxels along each axis that half a step can pass, at most."""
    per_mm = np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    i, j, k = (math.ceil(step_mm / 2 * float(n)) for n in per_mm)
    return i, j, k


def _parts(cameras: Cameras) -> list[tuple[int, int]]:
    return threads.split(n_slots(cameras.height, cameras.width), _JOBS_PER_THREAD * threads.n_threads())
