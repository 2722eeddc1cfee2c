"""A dataset in, a checkpoint out: what ``tomosplat train`` does."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path

from tomosplat.errors import InputError, MemoryLimitError
from tomosplat.feedforward.model import Model, ModelSettings, load_model, save_model
from tomosplat.feedforward.predict import has_bf16
from tomosplat.files.atomic import make_folder
from tomosplat.files.curves import Curves
from tomosplat.files.dataset import Manifest, read_manifest
from tomosplat.pipeline.train_options import TrainingOptions
from tomosplat.report import Report
from tomosplat.training.looks import fit_looks
from tomosplat.training.loop import train_dense, train_pictures
from tomosplat.training.preview import write_preview
from tomosplat.training.ranks import Ranks, joined
from tomosplat.training.settings import SMALLEST_BF16_CROP, TrainSettings
from tomosplat.training.state import TrainState, fingerprint, load_state, save_state


def train_dataset(dataset: Path, folder: Path, options: TrainingOptions, report: Report) -> Path:
    """Train, going on from the state in ``folder`` if there is one; the checkpoint's file.

    Processes that torchrun has started share each step's crops; all reach dataset and folder by the same paths, and the
    first one writes. A training may go on with another number of them.

    Raises:
        InputError: The dataset or an option cannot be used, or the folder holds another training.
        DivergedError: A loss or gradient was not finite; what was written before stays.
        OutputError: The folder cannot be written.
    """
    with joined() as ranks:
        return _train(dataset, folder, options, ranks, report if ranks.is_first else Report())


def _train(dataset: Path, folder: Path, options: TrainingOptions, ranks: Ranks, report: Report) -> Path:
    settings = _settings(options)
    if settings.accumulate % ranks.count:
        raise InputError(
            f"--accumulate counts the crops of all processes: expected a multiple of {ranks.count}, "
            f"got {settings.accumulate}"
        )
    ranks.check_same(fingerprint(settings))
    start = load_model(options.start) if options.start is not None else None
    if start is not None and start.settings != settings.model:
        raise InputError(f"{options.start} is a model of other settings: {start.settings}, not {settings.model}")
    manifest = read_manifest(dataset)
    make_folder(folder)
    if not ranks.is_first:
        ranks.wait()  # until the looks are fitted
    with report.stage("fit looks") as progress:
        looks = fit_looks(manifest, folder / "looks", progress) if settings.dense_steps else []
    if ranks.is_first:
        ranks.wait()
    kept = _Kept(folder, manifest, settings, options, report)
    state = load_state(kept.state, settings) if kept.state.exists() else TrainState.begin(settings, start)
    on_step = kept.step if ranks.is_first else None
    if ranks.is_first:
        kept.curves.rewind(state.step)
    if state.step:
        report.history.append(f"went on from step {state.step}")
    with report.stage("learn from fitted scenes") as progress:
        train_dense(state, manifest, looks, settings, ranks=ranks, progress=progress, on_step=on_step)
    with report.stage("learn from pictures") as progress:
        train_pictures(state, manifest, settings, ranks=ranks, progress=progress, on_step=on_step)
    if ranks.is_first:
        kept.write(state)
    return kept.model


class _Kept:
    """What a training leaves in its folder."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        settings: TrainSettings,
        options: TrainingOptions,
        report: Report,
    ) -> None:
        self.state, self.model = folder / "state.safetensors", folder / "model.safetensors"
        self.curves = Curves(folder / "curves.jsonl")
        self._preview, self._manifest = folder / "preview.png", manifest
        self._settings, self._options, self._report = settings, options, report
        self._written = time.monotonic()

    def step(self, state: TrainState, values: dict[str, float]) -> None:
        """Add to the curves; now and then, write everything."""
        self.curves.add(values)
        if time.monotonic() - self._written > 60 * self._options.minutes:
            self.write(state)

    def write(self, state: TrainState) -> None:
        """Write state, model and preview."""
        save_state(self.state, state, self._settings)
        model: Model = state.model(self._settings)
        about = {"steps": state.step, "settings": asdict(self._settings), "cases": sorted(self._manifest.cases)}
        self._report.facts |= {"sha256": save_model(self.model, replace(model, about=about)), "steps": state.step}
        self._write_preview(model)
        self._written = time.monotonic()

    def _write_preview(self, model: Model) -> None:
        try:
            write_preview(self._preview, model, self._manifest)
        except MemoryLimitError as error:  # a network that sees a scan as a whole learns from crops of any scan
            note = f"there is no preview: {error}"
            if note not in self._report.history:
                self._report.history.append(note)


def _settings(options: TrainingOptions) -> TrainSettings:
    if not options.minutes >= 0:
        raise InputError(f"--minutes must be at least 0, got {options.minutes}")
    return TrainSettings(
        model=ModelSettings(preset=options.preset, light_channels=options.light_channels),
        dense_steps=options.dense_steps,
        picture_steps=options.picture_steps,
        crop=options.crop,
        accumulate=options.accumulate,
        learning_rate=options.learning_rate,
        picture_rate=options.picture_rate,
        pictures=options.pictures,
        bf16=has_bf16() and options.crop >= SMALLEST_BF16_CROP if options.bf16 is None else options.bf16,
        solve_crops=options.solve_crops,
        seed=options.seed,
    )
