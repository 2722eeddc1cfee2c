"""Stacks, frames and their labels from files, with what a file cannot say asked for instead of guessed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import GeometryError, InputError, LabelError, ShapeError, SliceSpacingError
from tomosplat.files.frames_png import PngFrames, read_png_frames
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.files.tracked import is_tracked, read_tracked_sequence
from tomosplat.geometry import FloatArray, Grid
from tomosplat.slices.stack import Axis, SliceStack, TrackedFrames
from tomosplat.volume import LabelMap

#: Millimetres between columns, between rows, and between slices.
Spacing = tuple[float, float, float]

_FRAME_OF_PNG = (
    "PNG says nothing of the body: columns were taken to run to the patient's left, rows to the back, "
    "slices to the head"
)


def read_stack(
    path: Path,
    *,
    axis: Axis | int = "thick",
    spacing: Spacing | None = None,
    labels: Path | None = None,
    label_threshold: float | None = None,
    series: str | None = None,
) -> SliceStack:
    """Read slices: a NIfTI, NRRD or MetaImage volume, a DICOM folder, or a folder of PNG frames.

    Args:
        path: File or folder.
        axis: Along which a volume's slices follow one another; frames have no choice.
        spacing: Of PNG frames, which must be given; of everything else it is in the file, and must not.
        labels: Label map on the same voxels, or a folder of PNG masks with the same numbers.
        label_threshold: What lies above it in ``labels`` is label 1.
        series: Which series of a DICOM folder.

    Raises:
        SliceSpacingError: The spacing is unknown, numbers are missing, or there are fewer than two slices.
        ShapeError: Images and masks differ in number or size.
        LabelError: Labels have grey edges, lie on another grid, or are empty.
        ConstantSlicesError: Every slice is of one value.
        InputError: As ``read_volume``.
    """
    if _is_png_folder(path):
        return _read_png_stack(path, spacing, labels, label_threshold)
    if spacing is not None:
        raise InputError(f"{path} states its own spacing; --spacing is for PNG frames, which cannot")
    if is_tracked(path):
        raise InputError(f"{path} holds tracked frames, each with a pose of its own, not one stack; see read_frames")
    volume = read_volume(path, series=series)
    label_map = None if labels is None else read_slice_labels(labels, volume.grid, label_threshold)
    return SliceStack.from_volume(volume, axis, label_map)


def read_stacks(paths: Sequence[Path], *, axis: Axis | int = "thick", series: str | None = None) -> list[SliceStack]:
    """Read several stacks of one patient, each along its own thick axis.

    Raises:
        GeometryError: Two of them share no place in the body, so their frames of reference differ.
        InputError: As ``read_stack``.
    """
    stacks = [read_stack(path, axis=axis, series=series) for path in paths]
    check_common_frame(stacks, [str(path) for path in paths])
    return stacks


def check_common_frame(stacks: Sequence[SliceStack], names: Sequence[str]) -> None:
    """Pass stacks that all overlap.

    Raises:
        GeometryError: Two of them share no place.
    """
    grids = [stack.grid(stack.positions) for stack in stacks]
    for (one, a), (other, b) in combinations(zip(names, grids, strict=True), 2):
        low = np.maximum(a.bounds[0], b.bounds[0])
        high = np.minimum(a.bounds[1], b.bounds[1])
        if not np.all(high > low):
            raise GeometryError(
                f"{one} and {other} have no place in common ({a}; {b}): they are not in one frame of reference. "
                "Stacks of one patient must come from one examination, or be registered first"
            )


def read_frames(
    path: Path, image_to_probe: FloatArray | None, *, probe: str = "Probe", reference: str | None = "Reference"
) -> TrackedFrames:
    """Read a freehand sweep: tracked ultrasound frames in a MetaImage sequence.

    Frame n lies at (reference ← tracker)ₙ · (tracker ← probe)ₙ · (probe ← image). Frames whose transforms the tracker
    marked as not seen are left out, which is noted.

    Args:
        path: The .mha file.
        image_to_probe: [4, 4] calibration, pixels (u, v, 0) → mm of the probe's marker; it holds the pixel spacing, and
            no sequence states it. May be None where the file has ImageTo... transforms.
        probe: Name of the probe's marker.
        reference: Name of the marker that is fixed to the body; None for the tracker's own frame.

    Raises:
        SliceSpacingError: The calibration is missing, or fewer than two frames were seen.
        GeometryError: A transform is missing from the file.
        FileFormatError: It is no tracked sequence.
    """
    sequence = read_tracked_sequence(path)
    known = ", ".join(sequence.transforms)
    used = []
    if "ImageToTracker" in sequence.transforms:
        used.append("ImageToTracker")
        planes = sequence.transforms["ImageToTracker"]
    else:
        name = f"{probe}ToTracker"
        if name not in sequence.transforms:
            raise GeometryError(f"{path} has no {name}Transform; it has {known}")
        if image_to_probe is None:
            raise SliceSpacingError(
                f"{path} says where the probe was, but not where its pixels are: give the calibration, the 4x4 matrix "
                'from pixels to the probe\'s mm (Transform From="Image" To="Probe" of the device set file), with '
                "--image-to-probe"
            )
        used.append(name)
        planes = sequence.transforms[name] @ image_to_probe
    if reference is not None:
        name = f"{reference}ToTracker"
        if name not in sequence.transforms:
            raise GeometryError(f"{path} has no {name}Transform to be the frame of reference; it has {known}")
        used.append(name)
        planes = np.linalg.inv(sequence.transforms[name]) @ planes
    seen = np.all([sequence.valid[name] for name in used], axis=0)
    notes = (
        [f"{int((~seen).sum())} frames were left out: the tracker lost {' or '.join(used)}"] if not seen.all() else []
    )
    planes = planes[seen].copy()
    planes[:, :3, 2] = _normals(planes)
    return TrackedFrames(sequence.values[seen].astype(np.float32), planes, history=tuple(notes))


def read_slice_labels(path: Path, grid: Grid, threshold: float | None = None) -> LabelMap:
    """Read labels of a volume; with a threshold, what lies above it is label 1 (probabilities, grey masks).

    Raises:
        LabelError: They lie on another grid, are empty, hold fractions or have grey edges.
    """
    if threshold is None:
        labels = read_labels(path, grid)
        _refuse_grey_edges(labels.values, path)
    else:
        shares = read_volume(path, unit="arbitrary")
        if not shares.grid.matches(grid):
            raise LabelError(f"{path} is on another grid than the slices: {shares.grid}, not {grid}")
        labels = LabelMap((shares.values > threshold).astype(np.uint8), grid)
    if not labels.ids:
        raise LabelError(f"labels {path} are empty: every voxel is background")
    return labels


def _is_png_folder(path: Path) -> bool:
    return path.is_dir() and any(
        p.suffix.lower() == ".png" for f in (path / "original", path) if f.is_dir() for p in f.iterdir()
    )


def _read_png_stack(path: Path, spacing: Spacing | None, labels: Path | None, threshold: float | None) -> SliceStack:
    if spacing is None:
        raise SliceSpacingError(
            f"{path} holds PNG frames, which do not say how far apart they are: give "
            "--spacing COLUMNS ROWS SLICES in mm"
        )
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise SliceSpacingError(f"--spacing must be three positive numbers of mm, got {spacing}")
    frames = read_png_frames(path)
    masks = None
    if labels is not None:
        masks = read_png_frames(labels)
        _check_masks(frames, masks, path, labels)
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    return SliceStack(
        frames.values.astype(np.float32),
        affine,
        np.arange(len(frames.values), dtype=np.float64),
        None if masks is None or labels is None else _ids(masks.values, labels, threshold),
        history=(*frames.notes, _FRAME_OF_PNG),
    )


def _check_masks(frames: PngFrames, masks: PngFrames, path: Path, labels: Path) -> None:
    if len(frames.values) != len(masks.values):
        raise ShapeError(
            f"{path} holds {len(frames.values)} frames and {labels} {len(masks.values)} masks; "
            "each frame needs its mask"
        )
    if frames.numbers != masks.numbers:
        differing = next((a, b) for a, b in zip(frames.numbers, masks.numbers, strict=True) if a != b)
        raise InputError(
            f"frames in {path} and masks in {labels} are numbered differently ({differing[0]} beside {differing[1]}); "
            "a frame and its mask have one number"
        )
    if frames.values.shape != masks.values.shape:
        raise ShapeError(
            f"frames in {path} have {frames.values.shape[1:]} pixels and masks in {labels} {masks.values.shape[1:]}"
        )


def _ids(values: NDArray[Any], path: Path, threshold: float | None) -> NDArray[np.uint8]:
    ids: NDArray[np.uint8]
    if threshold is not None:
        ids = (values > threshold).astype(np.uint8)
    else:
        if values.max() > 255:
            raise LabelError(f"masks in {path} hold values up to {values.max()}; ids are whole numbers from 0 to 255")
        ids = values.astype(np.uint8)
        _refuse_grey_edges(ids, path)
        ids = np.where(ids == 255, np.uint8(1), ids)  # nothing else is left beside 255
    if not ids.any():
        raise LabelError(f"masks in {path} are empty: every pixel is background")
    return ids


def _refuse_grey_edges(ids: NDArray[np.uint8], path: Path) -> None:
    """A mask of 0 and 255 with values between them was scaled or compressed: those are no ids."""
    found = np.unique(ids)
    if found[-1] == 255 and len(found) > 2 and found[0] == 0:
        raise LabelError(
            f"labels {path} hold 0, 255 and {len(found) - 2} values between: that is a mask with grey edges, not label "
            "ids. Say from where on it counts with --label-threshold (127.5 for half), or scale masks by nearest "
            "neighbour"
        )


def _normals(planes: FloatArray) -> FloatArray:
    normals = np.cross(planes[:, :3, 0], planes[:, :3, 1])
    unit: FloatArray = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return unit
