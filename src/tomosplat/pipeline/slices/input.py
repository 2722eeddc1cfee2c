"""Whatever slices come in, in one frame of reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tomosplat.errors import InputError
from tomosplat.files.scans import read_grid
from tomosplat.files.tracked import is_tracked
from tomosplat.geometry import Grid, SlicePlane
from tomosplat.pipeline.slices.options import SliceGridOptions, SliceReadOptions
from tomosplat.report import Report
from tomosplat.slices.grids import cubes_around
from tomosplat.slices.reading import check_common_frame, read_frames, read_stack
from tomosplat.slices.stack import SliceStack, TrackedFrames


def read_slices(sources: Sequence[Path], options: SliceReadOptions, report: Report) -> list[SliceStack | TrackedFrames]:
    """Read one or several stacks with their labels, or a tracked sweep.

    Raises:
        InputError: A file cannot be used, or there are not as many label maps as stacks.
        GeometryError: Stacks share no frame of reference.
    """
    labels = options.labels
    if labels and len(labels) != len(sources):
        raise InputError(f"there are {len(sources)} sources and {len(labels)} label maps; each source needs its own")
    read: list[SliceStack | TrackedFrames] = []
    for n, source in enumerate(sources):
        if source.is_file() and is_tracked(source):
            if labels:
                raise InputError(f"{source} holds tracked frames, for which there are no labels; leave --labels out")
            pose = options.image_to_probe
            read.append(read_frames(source, None if pose is None else np.reshape(pose, (4, 4))))
            continue
        read.append(
            read_stack(
                source,
                axis=options.axis,
                spacing=options.spacing,
                labels=labels[n] if labels else None,
                label_threshold=options.label_threshold,
                series=options.series,
            )
        )
    stacks = {str(path): slices for path, slices in zip(sources, read, strict=True) if isinstance(slices, SliceStack)}
    check_common_frame(list(stacks.values()), list(stacks))
    for slices in read:
        report.history += slices.history
    return read


def asked_grid(options: SliceGridOptions, slices: Sequence[SliceStack | TrackedFrames | SlicePlane]) -> Grid | None:
    """The grid that is asked for, around some slices where it is one of cubes; None where none is.

    Raises:
        InputError: Two are asked for, or the file with the grid cannot be used.
        GeometryError: The cubes are too large or of no size.
        MemoryLimitError: They are too many.
    """
    if options.voxel is not None and options.like is not None:
        raise InputError("--voxel and --like both say where the voxels are; give one of them")
    if options.like is not None:
        return read_grid(options.like)
    if options.voxel is None:
        return None
    planes: list[SlicePlane] = []
    for some in slices:
        if isinstance(some, SlicePlane):
            planes.append(some)
        else:
            planes += [SlicePlane(affine, *some.values.shape[1:]) for affine in some.planes]
    return cubes_around(planes, options.voxel)
