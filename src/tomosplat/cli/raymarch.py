"""``tomosplat raymarch``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import MarchOptions, ScanOptions, ViewOptions


@dataclass(frozen=True, kw_only=True)
class RayMarch(Reported):
    """Render a CT by classic ray marching: emission and absorption with shaded surfaces, MIP, or an X-ray-like mean."""

    scan: tyro.conf.Positional[Path]
    """CT scan: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """*.png: one picture; *.mp4: a video; anything else: a folder with one PNG for each camera."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    marching: MarchOptions = field(default_factory=MarchOptions)
    view: ViewOptions = field(default_factory=ViewOptions)

    def run(self) -> None:
        """Render and write."""
        from tomosplat.pipeline.raymarch import raymarch_file

        with self.reporting() as report:
            n_pictures = raymarch_file(self.scan, self.output, self.reading, self.marching, self.view, report)
        print(f"{self.output}: {n_pictures} picture{'s' if n_pictures != 1 else ''}")
