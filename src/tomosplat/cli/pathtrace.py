"""``tomosplat pathtrace``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import ScanOptions, TraceOptions, ViewOptions


@dataclass(frozen=True, kw_only=True)
class PathTrace(Reported):
    """Trace the light that a CT scatters: the reference for all other pictures; takes minutes, not seconds."""

    scan: tyro.conf.Positional[Path]
    """CT scan: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """*.png: one picture; *.mp4: a video; anything else: a folder with one PNG for each camera."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    tracing: TraceOptions = field(default_factory=TraceOptions)
    view: ViewOptions = field(default_factory=ViewOptions)

    def run(self) -> None:
        """Render and write."""
        from tomosplat.pipeline.pathtrace import pathtrace_file

        with self.reporting() as report:
            n_pictures = pathtrace_file(self.scan, self.output, self.reading, self.tracing, self.view, report)
        print(f"{self.output}: {n_pictures} picture{'s' if n_pictures != 1 else ''}")
