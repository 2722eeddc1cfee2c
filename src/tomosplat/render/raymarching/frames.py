"""All the pictures of one call: tables and bricks once, then every camera on a pool of threads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import EmptySceneError
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.cpu import threads
from tomosplat.render.cpu.layout import F32, U8
from tomosplat.render.raymarching.bricks import build_bricks
from tomosplat.render.raymarching.compositing import composite
from tomosplat.render.raymarching.kernels import Scan, Tables
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
    used, rows = rows_of_labels(functions, group_of_label, shown)
    ends = float(volume.values.min()), float(volume.values.max())
    tables = tabulate(used, *ends, settings.step_mm if preintegrated else None)
    reach = _half_step(volume.grid, settings.step_mm) if preintegrated else (0, 0, 0)
    scan, _ = _scan(volume, labels, rows, tables, reach, settings.skip_empty)
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
    scan, highest = _scan(volume, labels, shown.astype(np.int64), mask_table(), (0, 0, 0), settings.skip_empty)
    size = len(cameras), cameras.height, cameras.width
    values, depth = np.empty(size, np.float32), np.empty(size, np.float32)
    mean = settings.mode == "average"
    for number in range(len(cameras)):
        view = view_of(cameras, number, volume.grid, settings)
        arguments = (view, scan, highest, mean, values[number], depth[number])
        threads.run(project, [(*part, *arguments) for part in _parts(cameras)])
        if progress:
            progress(number + 1, len(cameras))
    return values, depth


def _scan(
    volume: Volume, labels: LabelMap, rows: NDArray[np.int64], tables: Tables, reach: tuple[int, int, int], skip: bool
) -> tuple[Scan, F32]:
    """What the kernels march through, and the highest value of every brick.

    Raises:
        EmptySceneError: No sample can be visible.
    """
    values, ids = np.ascontiguousarray(volume.values), np.ascontiguousarray(labels.values)
    for axis in range(3):
        if values.shape[axis] == 1:  # interpolation needs two voxels
            values, ids = np.repeat(values, 2, axis), np.repeat(ids, 2, axis)
    bricks = build_bricks(values, ids, rows, tables.n_visible, tables.low, tables.per_unit, reach)
    if bricks.empty.all():
        raise EmptySceneError(
            "nothing would be visible: no voxel of the labels shown has a value that its transfer function shows; "
            "check the labels, 'visible' and the functions' range"
        )
    highest = bricks.highest.ravel()
    if not skip:
        bricks.empty[:] = 0
        highest[:] = np.inf
    return Scan(values.ravel(), ids.ravel(), rows, values.shape, bricks.empty, bricks.rows), highest


def _half_step(grid: Grid, step_mm: float) -> tuple[int, int, int]:
    """Voxels along each axis that half a step can pass, at most."""
    per_mm = np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    i, j, k = (math.ceil(step_mm / 2 * float(n)) for n in per_mm)
    return i, j, k


def _parts(cameras: Cameras) -> list[tuple[int, int]]:
    return threads.split(n_slots(cameras.height, cameras.width), _JOBS_PER_THREAD * threads.n_threads())
