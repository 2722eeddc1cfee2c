"""``tomosplat fit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.fitting.options import FittingOptions, GivenViews, TracedViews
from tomosplat.pipeline.options import PrimingOptions, ScanOptions


@dataclass(frozen=True, kw_only=True)
class Fit(Reported):
    """Fit 6D Gaussians to path-traced pictures of a CT: given ones, or traced while they are fitted."""

    scan: tyro.conf.Positional[Path]
    """CT scan: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """The fitted scene."""
    init: Literal["agp", "predict", "marching-cubes"] = "agp"
    """Begin with anatomy-guided priming, with what the network makes of it, or, as 6DGS does, with grey Gaussians on a
    marching-cubes surface."""
    views: Path | None = None
    """A dataset of "tomosplat prepare", or a folder with cameras.json and a transparent PNG for each camera."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    priming: PrimingOptions = field(default_factory=PrimingOptions)
    given: GivenViews = field(default_factory=GivenViews)
    traced: TracedViews = field(default_factory=TracedViews)
    fitting: FittingOptions = field(default_factory=FittingOptions)

    def run(self) -> None:
        """Fit and write."""
        from tomosplat.pipeline.fitting.fit import fit_file

        with self.reporting() as report:
            scene = fit_file(
                self.scan,
                self.output,
                self.init,
                self.views,
                self.reading,
                self.priming,
                self.given,
                self.traced,
                self.fitting,
                report,
            )
        print(f"{self.output}: {len(scene):,} Gaussians, {scene.n_labels} labels")
