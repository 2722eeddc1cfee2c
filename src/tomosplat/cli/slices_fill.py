"""``tomosplat slices fill``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.slices.options import SliceFillOptions


@dataclass(frozen=True, kw_only=True)
class SlicesFill(Reported):
    """Make a volume of sparse slices: gaps filled along the motion, stacks fused, freehand frames compounded."""

    source: Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-s"])]
    """The slices, as "slices fit" takes them; several stacks of one patient become one volume, as the first shows the
    body."""
    output: Output
    """The volume, .nii.gz."""
    filling: SliceFillOptions = field(default_factory=SliceFillOptions)

    def run(self) -> None:
        """Fill and write."""
        from tomosplat.pipeline.slices.fill import fill_slice_files

        with self.reporting() as report:
            paths = fill_slice_files(self.source, self.output, self.filling, report)
        for path in paths:
            print(path)
