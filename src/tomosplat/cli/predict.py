"""``tomosplat predict``: scan to scene in one pass of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import DeviceOptions, PredictingOptions, PrimingOptions, ScanOptions


@dataclass(frozen=True, kw_only=True)
class Predict(Reported):
    """Turn a CT into a scene of 6D Gaussians: primed, then changed by a network in one pass."""

    scan: tyro.conf.Positional[Path]
    """CT scan: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """The scene, a .ply or .glb that ordinary Gaussian-splat viewers open too."""
    reading: ScanOptions = field(default_factory=ScanOptions)
    priming: PrimingOptions = field(default_factory=PrimingOptions)
    predicting: PredictingOptions = field(default_factory=PredictingOptions)
    computing: DeviceOptions = field(default_factory=DeviceOptions)

    def run(self) -> None:
        """Predict and write."""
        from tomosplat.pipeline.predict import predict_file

        with self.reporting() as report:
            scene = predict_file(
                self.scan, self.output, self.reading, self.priming, self.predicting, report, self.computing.device
            )
        print(f"{self.output}: {len(scene):,} Gaussians, {scene.n_labels} labels")
