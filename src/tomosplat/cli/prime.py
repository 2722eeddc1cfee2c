"""``tomosplat prime``: scan to scene by anatomy-guided priming."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import PrimingOptions, ScanOptions


@dataclass(frozen=True, kw_only=True)
class Prime(Reported):
    """Turn a CT into a scene of 6D Gaussians by anatomy-guided priming; no network, no training."""

    scan: tyro.conf.Positional[Path]
    """CT scan: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """The scene, a .ply or .glb that ordinary Gaussian-splat viewers open too."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    from_dvr: Path | None = None
    """A coloured volume of this scan (.safetensors), as "tomosplat dvr" learns it from pictures, instead of --tf."""
    priming: PrimingOptions = field(default_factory=PrimingOptions)

    def run(self) -> None:
        """Prime and write."""
        from tomosplat.pipeline.prime import prime_file

        with self.reporting() as report:
            scene = prime_file(self.scan, self.output, self.reading, self.priming, report, colored=self.from_dvr)
        print(f"{self.output}: {len(scene):,} Gaussians, {scene.n_labels} labels")
