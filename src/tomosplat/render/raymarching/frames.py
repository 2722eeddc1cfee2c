"""A scan prepared once, then every camera on a pool of threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tomosplat import threads
from tomosplat.errors import EmptySceneError
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.cpu.layout import F32, I32, I64, U8
from tomosplat.render.raymarching.bricks import find_visible, value_ranges
from tomosplat.render.raymarching.compositing import composite
from tomosplat.render.raymarching.depths import tile_depths
from tomosplat.render.raymarching.kernels import Scan, Tables
from tomosplat.render.raymarching.packing import no_numbers, number_bricks, pack
from tomosplat.render.raymarching.projecting import project
from tomosplat.render.raymarching.rays import view_of
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.raymarching.shading import gradient_to_world, light_of
from tomosplat.render.raymarching.steps import new_steps
from tomosplat.render.raymarching.tables import mask_table, rows_of_labels, tabulate
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume

#: Ranges of pixels that each thread gets per picture: some have much more to draw than others.
_JOBS_PER_THREAD = 16


class Compositor:
    """A scan prepared for emission and absorption; the arguments are those of ``Raymarcher``."""

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        functions: TransferFunctions,
        group_of_label: NDArray[np.uint8],
        shown: U8,
        settings: RaymarchSettings,
    ) -> None:
        self._grid, self._settings = volume.grid, settings
        self._preintegrated = settings.classification == "preintegrated"
        prepared = classify_scan(volume, labels, functions, group_of_label, shown, settings)
        values, ids, rows, self._tables, distances, brick_rows = prepared
        self._scan = _scan(values, ids, rows, distances, brick_rows, settings.skip_empty)
        if settings.shading:
            to_world, slots = gradient_to_world(volume.grid), self._scan.slots
            numbers, scales = pack(values, to_world, slots, brick_rows, self._tables)
            self._scan = self._scan._replace(numbers=numbers, scales=scales)
        self._light = light_of(settings.shading, volume)

    def draw(self, cameras: Cameras, progress: Progress | None) -> tuple[F32, F32]:
        """Pictures [C, H, W, 4] and depths [C, H, W]."""
        size = len(cameras), cameras.height, cameras.width
        rgba, depth = np.zeros((*size, 4), np.float32), np.full(size, np.nan, np.float32)

        def draw(number: int) -> None:
            view = view_of(cameras, number, self._grid, self._settings)
            depths = tile_depths(view, self._scan.bricks, *size[1:])
            arguments = view, self._scan, self._tables, self._light, self._preintegrated, depths
            pictures = rgba[number].ravel(), depth[number]
            threads.run(composite, [(*part, *arguments, new_steps(), *pictures) for part in _parts(len(depths))])

        _draw_each(len(cameras), draw, progress)
        return rgba, depth


class Projector:
    """A scan prepared for highest and mean values."""

    def __init__(self, volume: Volume, labels: LabelMap, shown: U8, settings: RaymarchSettings) -> None:
        self._grid, self._settings = volume.grid, settings
        values, ids, self._highest, distances, brick_rows = find_shown(volume, labels, shown)
        self._scan = _scan(values, ids, shown.astype(np.int64), distances, brick_rows, settings.skip_empty)
        if not settings.skip_empty:
            self._highest[:] = np.inf

    def draw(self, cameras: Cameras, progress: Progress | None) -> tuple[F32, F32]:
        """Highest or mean values [C, H, W], and depths [C, H, W] of the highest; NaN where a ray met nothing."""
        size = len(cameras), cameras.height, cameras.width
        values, depth = np.full((2, *size), np.nan, np.float32)

        def draw(number: int) -> None:
            view = view_of(cameras, number, self._grid, self._settings)
            depths = tile_depths(view, self._scan.bricks, *size[1:])
            arguments = view, self._scan, self._highest, self._settings.mode == "average", depths
            pictures = values[number], depth[number]
            threads.run(project, [(*part, *arguments, *pictures) for part in _parts(len(depths))])

        _draw_each(len(cameras), draw, progress)
        return values, depth


class ClassifiedScan(NamedTuple):
    """A labelled scan, tables of its functions, and what is empty in it; see ``Scan`` and ``Tables``."""

    values: F32
    ids: U8
    row_of_label: I64
    tables: Tables
    distances: U8
    brick_rows: I32


class ShownScan(NamedTuple):
    """A labelled scan, the highest value that a sample in each brick can have, and which bricks show no label."""

    values: F32
    ids: U8
    highest: F32
    distances: U8
    brick_rows: I32


def classify_scan(
    volume: Volume,
    labels: LabelMap,
    functions: TransferFunctions,
    group_of_label: NDArray[np.uint8],
    shown: U8,
    settings: RaymarchSettings,
) -> ClassifiedScan:
    """What emission and absorption need, wherever they are computed.

    Raises:
        EmptySceneError: No sample can be visible.
    """
    values, ids = _voxels_of(volume, labels)
    preintegrated = settings.classification == "preintegrated"
    lowest, highest = value_ranges(values, _half_step(volume.grid, settings.step_mm) if preintegrated else (0, 0, 0))
    used, rows = rows_of_labels(functions, group_of_label, shown)
    tables = tabulate(used, float(lowest.min()), float(highest.max()), settings.step_mm, preintegrated=preintegrated)
    distances, brick_rows = find_visible(ids, rows, tables, lowest, highest)
    _check_visible(distances)
    return ClassifiedScan(values, ids, rows, tables, distances, brick_rows)


def find_shown(volume: Volume, labels: LabelMap, shown: U8) -> ShownScan:
    """What highest and mean values need, wherever they are found.

    Raises:
        EmptySceneError: No voxel is visible.
    """
    values, ids = _voxels_of(volume, labels)
    lowest, highest = value_ranges(values, (0, 0, 0))
    distances, brick_rows = find_visible(ids, shown.astype(np.int64), mask_table(), lowest, highest)
    _check_visible(distances)
    return ShownScan(values, ids, highest, distances, brick_rows)


def _voxels_of(volume: Volume, labels: LabelMap) -> tuple[F32, U8]:
    """Values and labels in one piece, at least two along each axis: interpolation needs them."""
    values, ids = np.ascontiguousarray(volume.values), np.ascontiguousarray(labels.values)
    for axis in range(3):
        if values.shape[axis] == 1:
            values, ids = np.repeat(values, 2, axis), np.repeat(ids, 2, axis)
    return values, ids


def _scan(values: F32, ids: U8, rows: I64, distances: U8, brick_rows: I32, skip: bool) -> Scan:
    """What the kernels march through."""
    if not skip:
        distances[:] = 0
    i, j, k = values.shape
    slots = number_bricks(distances)
    return Scan(values.ravel(), ids.ravel(), rows, (i, j, k), distances, brick_rows, slots, *no_numbers())


def _check_visible(distances: U8) -> None:
    """Refuse a scan whose bricks are all empty (see ``find_visible``).

    Raises:
        EmptySceneError: No sample can be visible.
    """
    if distances.all():
        raise EmptySceneError(
            "nothing would be visible: no voxel of the labels shown has a value that its transfer function shows; "
            "check the labels, 'visible' and the functions' range"
        )


def _half_step(grid: Grid, step_mm: float) -> tuple[int, int, int]:
    """Voxels along each axis that half a step can pass, at most."""
    per_mm = np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    i, j, k = (math.ceil(step_mm / 2 * float(n)) for n in per_mm)
    return i, j, k


def _parts(n_tiles: int) -> list[tuple[int, int]]:
    return threads.split(n_tiles, _JOBS_PER_THREAD * threads.n_threads())


def _draw_each(n: int, draw: Callable[[int], None], progress: Progress | None) -> None:
    for number in range(n):
        draw(number)
        if progress:
            progress(number + 1, n)
