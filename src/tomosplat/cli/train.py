"""``tomosplat train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.train_options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class Train(Reported):
    """Train the network of "tomosplat predict"; stopped at any moment, the same command goes on where it was."""

    dataset: tyro.conf.Positional[Path]
    """A dataset of "tomosplat prepare"."""
    output: Output
    """Folder of the training: model.safetensors (the weights so far), curves.jsonl, preview.png, and its state."""
    training: TrainingOptions = field(default_factory=TrainingOptions)

    def run(self) -> None:
        """Train."""
        from tomosplat.pipeline.train import train_dataset

        with self.reporting() as report:
            path = train_dataset(self.dataset, self.output, self.training, report)
        if "sha256" in report.facts:  # of several processes, the first one writes and tells
            print(f"{path}: SHA-256 of the model {report.facts['sha256']}")
