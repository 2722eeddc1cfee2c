"""``tomosplat dvr train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.dvr.train_options import DvrTrainingOptions


@dataclass(frozen=True, kw_only=True)
class DvrTrain(Reported):
    """Train a renderer on scans and pictures of them; stopped at any moment, the same command goes on where it was."""

    dataset: tyro.conf.Positional[Path]
    """Folder with volumes/NAME.nii.gz, a transparent PNG for each camera in images/NAME, and their cameras in
    cameras.json there, or in the folder itself if all volumes have the same."""
    output: Output
    """Folder of the training: model.safetensors (the best weights so far), curves.jsonl, preview.png, and its state."""
    training: DvrTrainingOptions = field(default_factory=DvrTrainingOptions)

    def run(self) -> None:
        """Train."""
        from tomosplat.pipeline.dvr.train import train_renderer_on

        with self.reporting() as report:
            path = train_renderer_on(self.dataset, self.output, self.training, report)
        print(f"{path}: SSIM {report.facts['ssim']:.4f} after {report.facts['best_epoch']} epochs")
