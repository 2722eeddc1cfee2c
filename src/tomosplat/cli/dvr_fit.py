"""``tomosplat dvr fit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.dvr.fit_options import DvrExportOptions, DvrFitOptions
from tomosplat.pipeline.options import ReadingOptions


@dataclass(frozen=True, kw_only=True)
class DvrFit(Reported):
    """Find the transfer function that makes a scan look as in given pictures."""

    scan: tyro.conf.Positional[Path]
    """The scan: a DICOM folder, NIfTI, NRRD or MetaImage; CT, MRI or ultrasound."""
    images: Path
    """Folder with one transparent PNG for each camera, in the order of their names."""
    output: Output
    """The transfer function (JSON), for every option --tf."""
    cameras: Path | None = None
    """Camera file of the pictures; by default cameras.json in their folder."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    fitting: DvrFitOptions = field(default_factory=DvrFitOptions)
    exports: DvrExportOptions = field(default_factory=DvrExportOptions)

    def run(self) -> None:
        """Fit and write."""
        from tomosplat.pipeline.dvr.fit import fit_transfer_file

        with self.reporting() as report:
            fit_transfer_file(
                self.scan, self.images, self.cameras, self.output, self.reading, self.fitting, self.exports, report
            )
        print(f"{self.output}: SSIM {report.facts['ssim']:.4f}, PSNR {report.facts['psnr']:.1f} dB")
