"""``tomosplat slices fit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.pipeline.slices.options import FoldedOptions, SliceFitOptions


@dataclass(frozen=True, kw_only=True)
class SlicesFit(Reported):
    """Fit Gaussians to sparse slices: they then show any slice in between."""

    source: Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-s"])]
    """The slices: NIfTI, NRRD, MetaImage, a DICOM folder, or a folder of PNG frames (original/0000.png, ...); several
    stacks of one patient are fitted as one."""
    model_path: Annotated[Path, tyro.conf.arg(aliases=["-m"])]
    """Folder for the result."""
    fitting: SliceFitOptions = field(default_factory=SliceFitOptions)
    folded: FoldedOptions = field(default_factory=FoldedOptions)

    def run(self) -> None:
        """Fit and write."""
        from tomosplat.pipeline.slices.fit import fit_slice_files

        with self.reporting() as report:
            path = fit_slice_files(self.source, self.model_path, self.fitting, self.folded, report)
        print(path)
