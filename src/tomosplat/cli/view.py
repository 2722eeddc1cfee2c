"""``tomosplat view``: scans and scenes in the browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.cli.serving import ServingOptions, serve_until_stopped
from tomosplat.pipeline.options import PrimingOptions, ScanOptions


@dataclass(frozen=True, kw_only=True)
class View(Reported):
    """Open scans and scenes in the browser: turn, cut, recolour, measure. They are computed while you wait there."""

    what: tyro.conf.Positional[tuple[Path, ...]]
    """CT scans (a DICOM folder, NIfTI, NRRD, MetaImage) and scenes that tomosplat wrote (.ply, .glb)."""
    title: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TITLE ...")] = ()
    """What the page calls each of them; by default what it is made of, for a file's name can be a patient's."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    priming: PrimingOptions = field(default_factory=PrimingOptions)
    network: bool = True
    """Show what is primed first, then what the network makes of it, where one comes with the package that knows such
    scans."""
    serving: ServingOptions = field(default_factory=ServingOptions)

    def run(self) -> None:
        """Serve until interrupted."""
        with self.reporting() as report:
            serve_until_stopped(
                self.what,
                self.serving,
                report,
                reading=self.reading,
                priming=self.priming,
                network=self.network,
                titles=self.title,
            )
