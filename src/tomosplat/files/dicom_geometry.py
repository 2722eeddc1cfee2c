"""Where the slices of a DICOM series are, from their own positions and orientations.

SliceThickness and SpacingBetweenSlices are never read: they are nominal, and wrong as soon as slices overlap or miss.
Source: DICOM PS3.3 C.7.6.2.1.1, "Image Position and Image Orientation".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tomosplat.errors import FileFormatError, GeometryError, SliceSpacingError
from tomosplat.files.dicom_instances import Instance
from tomosplat.geometry import LPS_TO_RAS, FloatArray, Grid

#: Positions may differ from even spacing by this part of the spacing ...
SPACING_TOLERANCE = 0.01
#: ... or by what scanners round positions to, in mm, but never by more than a tenth of the spacing.
ROUNDING_MM = 0.1
#: Slices that lie askew by more are no slices of one volume; gantries tilt up to 30 degrees.
MAX_TILT_DEG = 45.0
_NOTED_TILT_DEG = 0.1
_SAME_POSITION_MM = 1e-3
_COSINE_TOLERANCE = 1e-3
_ADVICE = "slices are never interpolated silently: fetch the complete series, or resample it yourself"


def arrange_slices(instances: Sequence[Instance]) -> tuple[list[Instance], Grid, tuple[str, ...]]:
    """Order the instances of one series along their normal and find their grid.

    Index i runs along a row of pixels, j along a column, k from slice to slice. A gantry tilt makes the grid sheared.

    Returns:
        The ordered instances, the grid (RAS+ mm), and notes on what a reader may stumble over.

    Raises:
        FileFormatError: An instance holds several frames or colours.
        GeometryError: Positions or orientations are missing, or instances differ in size or orientation.
        SliceSpacingError: Slices are missing, duplicated, unevenly spaced or slide beside each other.
    """
    _refuse_frames_and_colours(instances)
    _refuse_mixed(instances, lambda instance: f"{instance.size[0]}x{instance.size[1]} pixels")
    _refuse_mixed(instances, lambda instance: "pixels of {:.4f}x{:.4f} mm".format(*_spacing(instance)))
    axes = _shared_axes(instances)
    normal = np.cross(axes[0], axes[1])
    heights = np.array([_position(instance) @ normal for instance in instances])
    order = np.argsort(heights, kind="stable")
    ordered = [instances[n] for n in order]
    step = _even_step(ordered, heights[order])
    notes = _tilt_notes(step, normal, ordered[0])
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = axes * _spacing(ordered[0])[:, None]
    lps[:3, 2] = step
    lps[:3, 3] = _position(ordered[0])
    return ordered, Grid((*ordered[0].size, len(ordered)), LPS_TO_RAS @ lps), notes


def _name(instance: Instance) -> str:
    title = instance.description or instance.series_uid
    return f"series {instance.series_number or '?'} ({title})"


def _position(instance: Instance) -> FloatArray:
    return _stated(instance.position, "ImagePositionPatient", instance)


def _spacing(instance: Instance) -> FloatArray:
    return _stated(instance.spacing, "PixelSpacing", instance)


def _orientation(instance: Instance) -> FloatArray:
    return _stated(instance.orientation, "ImageOrientationPatient", instance)


def _stated(value: FloatArray | None, tag: str, instance: Instance) -> FloatArray:
    if value is None:
        raise GeometryError(
            f"{_name(instance)}: {instance} has no {tag}, so nobody knows where its pixels lie; "
            "take it out of the folder if it is no slice (a report or a screenshot)"
        )
    return value


def _refuse_frames_and_colours(instances: Sequence[Instance]) -> None:
    for instance in instances:
        if instance.n_frames > 1:
            raise FileFormatError(
                f"{_name(instance)}: {instance} holds {instance.n_frames} frames (multi-frame DICOM), which is not "
                "read; convert it to NIfTI (dcm2niix) or to one file per slice"
            )
        if instance.n_samples > 1:
            raise FileFormatError(
                f"{_name(instance)}: {instance} is a colour image ({instance.n_samples} numbers per pixel), no scan"
            )


def _shared_axes(instances: Sequence[Instance]) -> FloatArray:
    """Unit vectors [2, 3] (LPS) along the rows and columns of all instances."""
    reference = _orientation(instances[0])
    lengths = np.linalg.norm(reference, axis=1)
    cosine = float(reference[0] @ reference[1])
    if np.abs(lengths - 1).max() > _COSINE_TOLERANCE or abs(cosine) > _COSINE_TOLERANCE:
        raise GeometryError(
            f"{_name(instances[0])}: ImageOrientationPatient of {instances[0]} is {reference.ravel().tolist()}; "
            "two perpendicular unit vectors were expected"
        )

    def label(instance: Instance) -> str:
        axes = _orientation(instance)
        shown = reference if np.abs(axes - reference).max() <= _COSINE_TOLERANCE else axes
        return f"orientation {np.round(shown, 3).ravel().tolist()}{' (localizer)' if instance.is_localizer else ''}"

    _refuse_mixed(instances, label)
    axes: FloatArray = reference / lengths[:, None]
    return axes


def _refuse_mixed(instances: Sequence[Instance], label: Callable[[Instance], str]) -> None:
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(label(instance), []).append(instance)
    if len(groups) > 1:
        found = "; ".join(f"{len(group)} with {name} (e.g. {group[0]})" for name, group in groups.items())
        raise GeometryError(
            f"{_name(instances[0])} mixes images that are not of one volume: {found}. "
            "Keep the files of one kind in the folder and read it again"
        )


def _even_step(ordered: Sequence[Instance], heights: FloatArray) -> FloatArray:
    """Vector from each slice to the next in LPS mm, [3]; refuses anything but even spacing."""
    name = _name(ordered[0])
    if len(ordered) < 2:
        raise SliceSpacingError(f"{name} has one image only; a volume needs at least two slices")
    gaps = np.diff(heights)
    distinct = np.sort(gaps[gaps > _SAME_POSITION_MM])
    if len(distinct) == 0:
        raise SliceSpacingError(f"{name}: all {len(ordered)} images lie at one position; a volume needs slices")
    usual = float(distinct[(len(distinct) - 1) // 2])
    tolerance = max(SPACING_TOLERANCE * usual, min(ROUNDING_MM, usual / 10))
    _refuse_duplicates(name, ordered, gaps, tolerance)
    positions = np.array([_position(instance) for instance in ordered])
    step: FloatArray = (positions[-1] - positions[0]) / (len(ordered) - 1)
    off = positions - positions[0] - np.arange(len(ordered))[:, None] * step
    if np.abs(off).max() > tolerance:  # each coordinate, since each is rounded by itself
        _refuse_uneven(name, ordered, gaps, usual, tolerance, float(np.linalg.norm(off, axis=1).max()))
    return step


def _refuse_duplicates(name: str, ordered: Sequence[Instance], gaps: FloatArray, tolerance: float) -> None:
    doubled = np.flatnonzero(gaps <= tolerance)
    if len(doubled) == 0:
        return
    one, other = ordered[doubled[0]], ordered[doubled[0] + 1]
    reason = "the same image is stored twice" if one.uid == other.uid else "several phases or echoes in one series?"
    others = f", as do {len(doubled) - 1} other pairs" if len(doubled) > 1 else ""
    raise SliceSpacingError(
        f"{name}: {one} and {other} lie at one position{others} ({reason}). "
        "Keep one image for each position in the folder and read it again"
    )


def _refuse_uneven(
    name: str, ordered: Sequence[Instance], gaps: FloatArray, usual: float, tolerance: float, off: float
) -> None:
    missing = np.rint(gaps / usual) - 1
    odd = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if len(odd) == 0:
        raise SliceSpacingError(
            f"{name}: slices are {usual:.2f} mm apart but up to {off:.2f} mm beside or off their line "
            f"(tolerance {tolerance:.3f} mm); {_ADVICE}"
        )
    one, other = ordered[odd[0]], ordered[odd[0] + 1]
    where = f"slice gaps are {usual:.2f} mm except {gaps[odd[0]]:.2f} mm between {one} and {other}"
    others = f" and {len(odd) - 1} other uneven gaps" if len(odd) > 1 else ""
    if np.all(missing[odd] >= 1) and np.all(
        np.abs(gaps - (missing + 1) * usual)[odd] <= (missing[odd] + 1) * tolerance
    ):
        raise SliceSpacingError(
            f"{name}: {where}{others}: {int(missing[odd].sum())} of {len(ordered) + int(missing[odd].sum())} slices "
            f"are missing; {_ADVICE}"
        )
    raise SliceSpacingError(f"{name}: {where}{others} (tolerance {tolerance:.3f} mm); {_ADVICE}")


def _tilt_notes(step: FloatArray, normal: FloatArray, first: Instance) -> tuple[str, ...]:
    tilt_deg = math.degrees(math.acos(min(1.0, float(step @ normal) / float(np.linalg.norm(step)))))
    if tilt_deg > MAX_TILT_DEG:
        raise SliceSpacingError(
            f"{_name(first)}: slices slide beside each other at {tilt_deg:.0f} degrees to their normal (at most "
            f"{MAX_TILT_DEG:.0f} is believable for a tilted gantry); are their positions true?"
        )
    if tilt_deg < _NOTED_TILT_DEG:
        return ()
    return (f"gantry tilt of {tilt_deg:.1f} degrees: slices are shifted against each other, and the affine says so",)
