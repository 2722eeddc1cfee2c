"""Whatever slices come in, in one frame of reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tomosplat.errors import InputError
from tomosplat.files.tracked import is_tracked
from tomosplat.pipeline.slice_options import SliceFitOptions
from tomosplat.report import Report
from tomosplat.slices.reading import check_common_frame, read_frames, read_stack
from tomosplat.slices.stack import SliceStack, TrackedFrames


def read_slices(sources: Sequence[Path], options: SliceFitOptions, report: Report) -> list[SliceStack | TrackedFrames]:
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
    stacks = [stack for stack in read if isinstance(stack, SliceStack)]
    check_common_frame(stacks, [str(path) for path in sources])
    for slices in read:
        report.history += slices.history
    return read
