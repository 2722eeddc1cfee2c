"""What a training leaves in its folder."""

from __future__ import annotations

from pathlib import Path

from tomosplat.errors import MemoryLimitError
from tomosplat.feedforward.model import load_model
from tomosplat.files.dataset import Manifest
from tomosplat.pipeline import train
from tomosplat.pipeline.train_options import TrainingOptions
from tomosplat.report import Report
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState, load_state


def test_a_scan_too_large_for_a_preview_stops_no_training(tmp_path: Path, monkeypatch) -> None:
    def too_large(*_: object) -> None:
        raise MemoryLimitError("this network needs 9 GB")

    monkeypatch.setattr(train, "write_preview", too_large)
    settings, report = TrainSettings(), Report()
    kept = train._Kept(tmp_path, Manifest(tmp_path, {}), settings, TrainingOptions(), report)
    for _ in range(2):
        kept.write(TrainState.begin(settings))
    assert load_model(kept.model).sha256 == report.facts["sha256"]
    assert load_state(kept.state, settings).step == 0
    assert report.history == ["there is no preview: this network needs 9 GB"]
