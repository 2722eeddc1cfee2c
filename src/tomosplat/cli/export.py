"""``tomosplat export``: a scene as a file for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import ReadingOptions


@dataclass(frozen=True, kw_only=True)
class Export(Reported):
    """Write a scene for others: a page that opens in any browser without a network, or a splat file.

    Names, dates, paths and whatever else came with the scan stay behind; what a face looks like does not.
    """

    scene: tyro.conf.Positional[Path]
    """A scene that tomosplat wrote (.ply, .glb)."""
    output: Output
    """*.html: the viewer with the scene in it; *.glb (KHR_gaussian_splatting) or *.ply: for other splat viewers."""
    title: str = "Scene"
    """What the page calls it; everybody who gets the file reads it."""
    slices: Path | None = None
    """The scan that the scene was made from: a page then shows its slices too, and holds its voxels."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)

    def run(self) -> None:
        """Export."""
        from tomosplat.viewer.export import export_file

        with self.reporting() as report:
            n_bytes = export_file(
                self.scene, self.output, report, title=self.title, slices=self.slices, reading=self.reading
            )
        print(f"{self.output}: {report.facts['gaussians']:,} Gaussians, {n_bytes / 1e6:.1f} MB")
