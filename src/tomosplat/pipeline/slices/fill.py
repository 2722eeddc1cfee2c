"""Slices in, a volume out, without Gaussians: what ``tomosplat slices fill`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError
from tomosplat.files.volumes import check_volume_name, write_volume
from tomosplat.geometry import Grid, SlicePlane
from tomosplat.pipeline.slices.input import asked_grid, read_slices
from tomosplat.pipeline.slices.options import SliceFillOptions
from tomosplat.report import Report
from tomosplat.slices.compounding import compound
from tomosplat.slices.fill import fill
from tomosplat.slices.fusion import fuse, steps_per_gap
from tomosplat.slices.grids import grid_planes
from tomosplat.slices.stack import SliceStack, TrackedFrames
from tomosplat.volume.resample import resample, resample_labels

_NOTE = "gaps between slices filled"


def fill_slice_files(sources: Sequence[Path], output: Path, options: SliceFillOptions, report: Report) -> list[Path]:
    """Make one volume of a stack, of several stacks of one body, or of a freehand sweep; return the files written.

    A stack is filled along its motion, several are fused as the first shows them, a sweep is compounded.

    Raises:
        InputError: The slices or an option cannot be used, or they do not belong together.
        OutputError: A result could not be written.
    """
    _check(output, options, len(sources))
    with report.stage("read slices"):
        read = read_slices(sources, options, report)
        grid = asked_grid(options, read)
    stacks = [slices for slices in read if isinstance(slices, SliceStack)]
    if len(stacks) == 1 == len(read):
        return _fill_stack(stacks[0], grid, output, options, report)
    if len(stacks) == len(read):
        values, grid = _fused(stacks, grid, options, report)
    else:
        values, grid = _compounded(read, grid, report)
    with report.stage("write volume"):
        write_volume(output, values, grid)
    return [output]


def _check(output: Path, options: SliceFillOptions, n_sources: int) -> None:
    check_volume_name(output)
    if options.interp is not None and options.interp < 1:
        raise InputError(f"--interp must be at least 1, got {options.interp}")
    if options.label_output is None:
        return
    check_volume_name(options.label_output)
    if not options.labels:
        raise InputError("--label-output writes what --labels gives, carried along; give labels too")
    if n_sources > 1:
        raise InputError('labels are filled in one stack; "slices fit" takes those of several')


def _fill_stack(
    stack: SliceStack, grid: Grid | None, output: Path, options: SliceFillOptions, report: Report
) -> list[Path]:
    at = stack.between(options.interp or steps_per_gap(stack))
    filled = fill(stack, at, report, options.quality)
    report.facts |= filled.facts
    volume = stack.volume(filled.values, at, _NOTE)
    with report.stage("write volume"):
        volume = volume if grid is None else resample(volume, grid)
        write_volume(output, volume.values, volume.grid)
        if options.label_output is None or filled.labels is None:
            return [output]
        labels = stack.label_map(filled.labels, at, _NOTE)
        labels = labels if grid is None else resample_labels(labels, grid)
        write_volume(options.label_output, labels.values, labels.grid)
    return [output, options.label_output]


def _fused(
    stacks: Sequence[SliceStack], grid: Grid | None, options: SliceFillOptions, report: Report
) -> tuple[NDArray[np.float32], Grid]:
    """As the first stack shows the body; its least value where no stack reaches."""
    first = stacks[0]
    at = first.between(options.interp or steps_per_gap(first))
    planes = [SlicePlane(affine, *first.shape) for affine in first.planes_at(at)]
    if grid is not None:
        planes = list(grid_planes(grid))
    fusion = fuse(stacks, report, options.quality)
    values = np.full((len(planes), planes[0].height, planes[0].width), first.values.min(), np.float32)
    with report.stage("fuse stacks") as progress:
        for number, plane in enumerate(planes):
            found, inside = fusion.at(plane.pixel_centers()[None])
            values[number][inside[0]] = found[inside]
            progress(number + 1, len(planes))
    if grid is not None:
        return values.transpose(2, 1, 0), grid
    volume = first.volume(values, at, _NOTE)
    return volume.values, volume.grid


def _compounded(
    read: Sequence[SliceStack | TrackedFrames], grid: Grid | None, report: Report
) -> tuple[NDArray[np.float32], Grid]:
    sweep = read[0]
    if len(read) > 1 or not isinstance(sweep, TrackedFrames):
        raise InputError('a freehand sweep is compounded by itself; "slices fit" takes several sources')
    if grid is None:
        raise InputError(
            "frames of a sweep lie on no common grid: say where the volume has its voxels, --voxel or --like"
        )
    with report.stage("compound frames"):
        values, known = compound(sweep, grid)
    report.facts["known"] = float(known.mean())
    return values, grid
