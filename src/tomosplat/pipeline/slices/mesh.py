"""Volumes, labels or rendered frames in, closed surfaces out: what ``tomosplat slices mesh`` does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tomosplat.errors import InputError, LabelError, ShapeError, SliceSpacingError
from tomosplat.files.atomic import make_folder
from tomosplat.files.meshes import check_mesh_name, write_mesh
from tomosplat.files.scans import read_grid, read_labels, read_volume
from tomosplat.geometry import Grid
from tomosplat.pipeline.slices.mesh_options import SliceMeshOptions
from tomosplat.report import Report
from tomosplat.slices.labels import distances_between
from tomosplat.slices.surface import Mesh, dice, distances, level_surface, otsu_level, smoothed

#: Where rendered frames of a case may lie; MedGS called the folder "render".
_FRAME_FOLDERS = ("render_mask", "render", "render_img", "original", ".")
#: Blur of frames in pixels, and along the slices in units of a slice, as MedGS meshes them.
_BLUR, _BLUR_SLICES = 1.3, 0.75
#: The most slices that a thick one of a label map becomes.
_FINEST = 8


@dataclass(frozen=True, eq=False)
class _Field:
    """Values whose level is the surface, and which voxels of the input lie inside, on their own grid."""

    values: NDArray[np.float32]
    grid: Grid
    level: float
    voxels: Grid
    inside: NDArray[np.bool_]
    unit: str = "mm"


def mesh_files(source: Path, output: Path, options: SliceMeshOptions, report: Report) -> dict[str, Any]:
    """Mesh a volume or label map into a file, or every case of a folder of rendered frames into a folder.

    Args:
        source: A scan, a label map (with ``label``), or a folder whose subfolders hold frames named 00000_0.png, ...
        output: The mesh; for a folder of cases a folder, in which each mesh is named like its case.
        options: How.
        report: Takes times and what is told.

    Returns:
        Name of each mesh → its level, volume, surface and, with a truth, Dice, ASSD and HD95.

    Raises:
        InputError: The source or an option cannot be used.
        OutputError: A mesh could not be written.
    """
    cases = _cases(source)
    if cases is None:
        check_mesh_name(output)
        with report.stage("read"):
            field = _labels_field(source, options) if options.label else _volume_field(source, options)
        told = {output.name: _mesh(field, output, options, report)}
    else:
        if options.label or options.truth:
            raise InputError("--label and --truth are for volumes and label maps; frames of several cases have neither")
        check_mesh_name(Path(f"case{options.format}"))
        make_folder(output)
        told = {}
        for name, folder in cases.items():
            with report.stage(f"read {name}"):
                field = _frames_field(folder, source / name, name, options)
            target = output / f"{name}{options.format}"
            told[target.name] = _mesh(field, target, options, report)
    report.facts["meshes"] = told
    return told


def _mesh(field: _Field, path: Path, options: SliceMeshOptions, report: Report) -> dict[str, Any]:
    with report.stage("surface"):
        raw = level_surface(field.values, field.grid, field.level)
    with report.stage("smooth"):
        mesh = smoothed(raw, options.smooth)
    facts: dict[str, Any] = {
        "level": field.level,
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "watertight": mesh.is_watertight,
        f"volume_{field.unit}3": mesh.volume,
        f"surface_{field.unit}2": mesh.area,
    }
    if options.truth is not None:
        with report.stage("compare with the truth"):
            facts |= _compared(field, mesh, options.truth, options.label)
    with report.stage("write"):
        write_mesh(path, mesh.vertices, mesh.faces, mesh.normals)
    return facts


def _compared(field: _Field, mesh: Mesh, path: Path, label: tuple[int, ...]) -> dict[str, float]:
    truth = _chosen(path, label, field.voxels)
    true_field = _shape_field(truth, field.voxels)
    between = distances(mesh, level_surface(true_field.values, true_field.grid, true_field.level))
    return {
        "dice": dice(field.inside, truth),
        "assd_mm": between.assd,
        "hd95_mm": between.hd95,
    }


def _volume_field(path: Path, options: SliceMeshOptions) -> _Field:
    volume = read_volume(path, series=options.series, unit="arbitrary")
    level = options.thresh or otsu_level(volume.values)
    return _Field(volume.values, volume.grid, level, volume.grid, volume.values > level)


def _labels_field(path: Path, options: SliceMeshOptions) -> _Field:
    return _shape_field(_chosen(path, options.label, None), read_grid(path))


def _shape_field(mask: NDArray[np.bool_], grid: Grid) -> _Field:
    """A mask as it is, or, where slices are thick, blurred signed distances between them: terraces are no surface.

    The level is that which leaves as much inside as the mask has.
    """
    axis = int(np.argmax(grid.spacing))
    n = min(round(float(grid.spacing[axis] / grid.spacing.min())), _FINEST)
    if n < 2 or mask.shape[axis] < 2:
        return _Field(mask.astype(np.float32), grid, 0.5, grid, mask)
    fields = ndimage.gaussian_filter(distances_between(np.moveaxis(mask, axis, 0), n), (n / 2, 1, 1), mode="nearest")
    values = np.moveaxis(fields, 0, axis)
    inside = min(int(mask.sum()) * n, values.size - 1)
    level = float(np.partition(values.ravel(), values.size - inside - 1)[values.size - inside - 1])
    affine = grid.affine.copy()
    affine[:3, axis] /= n
    shape = values.shape[0], values.shape[1], values.shape[2]
    return _Field(np.ascontiguousarray(values), Grid(shape, affine), level, grid, mask)


def _chosen(path: Path, ids: tuple[int, ...], grid: Grid | None) -> NDArray[np.bool_]:
    labels = read_labels(path, grid)
    missing = [label for label in ids if label not in labels.ids]
    if missing or not labels.ids:
        absent = f"label {missing[0]}" if missing else "label at all"
        raise LabelError(f"{path} has no {absent}; it has {', '.join(map(str, labels.ids)) or 'none'}")
    chosen: NDArray[np.bool_] = np.isin(labels.values, ids or labels.ids)
    return chosen


def _cases(source: Path) -> dict[str, Path] | None:
    """Folder of the frames of each case; None where the source is no folder of cases."""
    if not source.is_dir():
        return None
    found = {
        folder.name: frames for folder in sorted(source.iterdir()) if folder.is_dir() and (frames := _frames_of(folder))
    }
    return found or None


def _frames_of(case: Path) -> Path | None:
    return next((case / name for name in _FRAME_FOLDERS if any((case / name).glob("*.png"))), None)


def _frames_field(folder: Path, case: Path, name: str, options: SliceMeshOptions) -> _Field:
    if options.inter < 1:
        raise InputError(f"--inter must be at least 1, got {options.inter}")
    paths = sorted(folder.glob("*.png"), key=_frame_number)
    if len(paths) < 2:
        raise SliceSpacingError(f"{folder} holds one frame only; a surface needs at least two")
    values = np.stack([_read_grey(path) for path in paths])
    if len({frame.shape for frame in values}) > 1:
        raise ShapeError(f"frames in {folder} differ in size")
    along = _BLUR_SLICES * options.inter if options.inter > 1 else 0
    values = ndimage.gaussian_filter(values, (along, _BLUR, _BLUR))
    grid, unit = _frames_grid(values.shape, case, name, options)
    values = np.ascontiguousarray(values.transpose(2, 1, 0))
    level = options.thresh or otsu_level(values)
    return _Field(values, grid, level, grid, values > level, unit)


def _frames_grid(shape: tuple[int, ...], case: Path, name: str, options: SliceMeshOptions) -> tuple[Grid, str]:
    """Where frames [N, H, W] lie: on a NIfTI's slices (columns i, rows j, slices k), or at its spacing."""
    n, height, width = shape
    size = (width, height, n)
    nifti = options.nifti / f"{name}.nii.gz" if options.nifti and options.nifti.is_dir() else options.nifti
    nifti = nifti or next(iter(sorted(case.glob("*.nii*"))), None)
    if nifti is not None:
        affine = read_grid(nifti).affine.copy()
        affine[:3, 2] /= options.inter
        return Grid(size, affine), "mm"
    columns, rows, slices = options.spacing or (1.0, 1.0, 1.0)
    affine = np.diag([-columns, -rows, slices / options.inter, 1.0])
    return Grid(size, affine), "mm" if options.spacing else "px"


def _frame_number(path: Path) -> tuple[int, ...]:
    numbers = tuple(int(digits) for digits in re.findall(r"\d+", path.stem))
    if not numbers:
        raise SliceSpacingError(f"{path} has no number in its name; frames are named 00000_0.png, 00000_1.png, ...")
    return numbers


def _read_grey(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32)
