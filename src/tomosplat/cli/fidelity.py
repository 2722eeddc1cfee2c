"""``tomosplat fidelity``: how far a scene's pictures are from the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.pipeline.options import FidelityOptions, ReadingOptions


@dataclass(frozen=True, kw_only=True)
class MeasureFidelity(Reported):
    """Tell how far the pictures of a scene are from path-traced truth, organ by organ and Gaussian by Gaussian."""

    scene: tyro.conf.Positional[Path]
    """A lit scene that tomosplat wrote (.ply, .glb)."""
    scan: tyro.conf.Positional[Path]
    """The scan that it was made from."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The scene with what was measured, which the viewer shows under "Fidelity". While it is made, the views so far are
    kept beside it, and the same command goes on after a kill."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    comparing: FidelityOptions = field(default_factory=FidelityOptions)

    def run(self) -> None:
        """Measure, print the table and write."""
        from tomosplat.pipeline.fidelity.measure import fidelity_file, fidelity_table

        with self.reporting() as report:
            scene = fidelity_file(self.scene, self.scan, self.output, self.reading, self.comparing, report)
        print(fidelity_table(scene))
