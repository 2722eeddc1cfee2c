"""A fit of slices as a volume."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError, SliceSpacingError
from tomosplat.geometry import Grid, SlicePlane
from tomosplat.report import Report
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.grids import cubes_around, grid_planes
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.scene_files import read_slice_scene
from tomosplat.slices.stack import nearest_to_ras
from tomosplat.volume import LabelMap, Volume

_NOTE = "shown by Gaussians that were fitted to slices"


def find_checkpoint(folder: Path, iteration: int) -> Path:
    """The scene after so many steps; −1: the last.

    Raises:
        InputError: There is none.
    """
    found = {}
    for path in folder.glob("chkpnt*.safetensors"):
        number = re.fullmatch(r"chkpnt(\d+)\.safetensors", path.name)
        if number:
            found[int(number.group(1))] = path
    if not found:
        raise InputError(f'{folder} holds no chkpntN.safetensors; "tomosplat slices fit" writes them')
    if iteration == -1:
        return found[max(found)]
    if iteration not in found:
        raise InputError(f"{folder} has no checkpoint of step {iteration}; it has {', '.join(map(str, sorted(found)))}")
    return found[iteration]


def read_slice_scan(path: Path, spacing_mm: float, report: Report) -> tuple[Volume, LabelMap | None]:
    """A fit's file, or the last of its folder, on cubes around its slices; with its labels where it has some.

    Raises:
        InputError: There is no fit, or it knows no millimetres.
        GeometryError: The cubes do not fit the slices.
        MemoryLimitError: They are too many.
    """
    file = path if path.is_file() else find_checkpoint(path, -1)
    with report.stage("read scene"):
        scene = read_slice_scene(file)
    if isinstance(scene, FoldedScene):
        raise InputError(
            f"{file} is a fit of numbered frames, which knows no millimetres: fit them with --method flow and --spacing"
        )
    grid = cubes_around(scene.planes, spacing_mm)
    with report.stage("show slices on a grid"):
        volume = Volume(scene_values(scene, grid), grid, scene.unit, history=(_NOTE,))
        return volume, LabelMap(scene_labels(scene, grid), grid, history=(_NOTE,)) if scene.classes else None


def scene_values(scene: SliceScene, grid: Grid) -> NDArray[np.float32]:
    """The image at every voxel, in the scan's own values, [I, J, K]."""
    values = np.empty(grid.shape, np.float32)
    for k, image in enumerate(scene.images(list(grid_planes(grid)))):
        values[..., k] = image[..., 0].T
    return values


def scene_labels(scene: SliceScene, grid: Grid) -> NDArray[np.uint8]:
    """The label id at every voxel, [I, J, K]."""
    labels = np.empty(grid.shape, np.uint8)
    for k, ids in enumerate(scene.labels(list(grid_planes(grid)))):
        labels[..., k] = ids.T
    return labels


def first_stack_grid(planes: Sequence[SlicePlane], interp: int) -> Grid:
    """Voxels where the pixels of the first stack are, and of ``interp - 1`` slices in each gap; axes as near RAS as go.

    Raises:
        SliceSpacingError: The first slices are no stack, or not evenly spaced.
    """
    stack = [planes[0]]
    for plane in planes[1:]:
        if not of_one_stack(stack[0], plane):
            break
        stack.append(plane)
    steps = np.diff([plane.affine[:3, 3] for plane in stack], axis=0)
    if len(stack) < 2 or not np.allclose(steps, steps[0], atol=1e-3 * np.abs(steps[0]).max()):
        raise SliceSpacingError(
            "the fit's first slices are no evenly spaced stack: say where the volume has its voxels, --voxel or --like"
        )
    affine = stack[0].affine.copy()
    affine[:3, 2] = steps[0] / interp
    grid = Grid((stack[0].width, stack[0].height, (len(stack) - 1) * interp + 1), affine)
    return nearest_to_ras(grid).grid(grid)


def of_one_stack(one: SlicePlane, other: SlicePlane) -> bool:
    """Whether slices are of one size and run along each other."""
    same_size = (one.height, one.width) == (other.height, other.width)
    return same_size and np.allclose(one.affine[:3, :2], other.affine[:3, :2], rtol=1e-4)
