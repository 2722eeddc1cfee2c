"""A dataset of volumes and pictures in, a trained renderer out: what ``tomosplat dvr train`` does."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tomosplat.dvr.checkpoints import TrainedRenderer, save_renderer
from tomosplat.dvr.march import March
from tomosplat.dvr.memory import check_memory
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.subjects import Subject, split_subjects
from tomosplat.dvr.training import draw_subject, train_renderer
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.dvr.training_state import DvrTrainState, load_state, save_state
from tomosplat.dvr.values import ValueRange
from tomosplat.errors import InputError
from tomosplat.files.atomic import make_folder
from tomosplat.files.curves import Curves
from tomosplat.files.images import to_bytes, write_png
from tomosplat.pipeline.dvr.dataset import read_subjects
from tomosplat.pipeline.dvr.train_options import DvrTrainingOptions
from tomosplat.report import Report


def train_renderer_on(dataset: Path, folder: Path, options: DvrTrainingOptions, report: Report) -> Path:
    """Train, going on from the state in ``folder`` if there is one; the checkpoint's file.

    Raises:
        InputError: The dataset or an option cannot be used, or the folder holds another training.
        MemoryLimitError: The training would not fit into memory.
        DivergedError: A loss was not finite; what was written before stays.
        OutputError: The folder cannot be written.
    """
    settings = _settings(options)
    subjects = read_subjects(dataset, report)
    kept, held_out = split_subjects(subjects, options.hold_out, options.seed)
    values = ValueRange.of([subject.volume for subject in subjects])
    report.facts |= {
        "model": options.model,
        "volumes": len(subjects),
        "pictures": sum(len(subject.cameras) for subject in subjects),
        "held_out": [f"{subject.name}: {len(subject.cameras)} pictures" for subject in held_out],
        "memory_estimate_gb": round(_check(settings, subjects) / 1e9, 2),
    }
    make_folder(folder)
    outputs = _Outputs(folder, settings, values, [s.name for s in subjects], kept, held_out, options.minutes, report)
    state = outputs.begin()
    with report.stage("train") as progress:
        train_renderer(
            state, kept, held_out, values, settings, progress=progress, on_step=outputs.step, on_best=outputs.best
        )
    outputs.write_state(state)
    report.facts |= {"steps": state.step, "ssim": state.best_ssim, "best_epoch": state.best_epoch}
    return outputs.model


class _Outputs:
    """What a training leaves in its folder."""

    def __init__(
        self,
        folder: Path,
        settings: DvrTrainSettings,
        values: ValueRange,
        names: list[str],
        kept: list[Subject],
        held_out: list[Subject],
        minutes: float,
        report: Report,
    ) -> None:
        self.model, self._state, self._preview = (
            folder / name for name in ("model.safetensors", "state.safetensors", "preview.png")
        )
        self._curves = Curves(folder / "curves.jsonl")
        self._settings, self._values, self._names, self._report = settings, values, names, report
        self._kept, self._held_out, self._seconds = kept, held_out, 60 * minutes
        self._written = time.monotonic()

    def begin(self) -> DvrTrainState:
        """The state to go on from."""
        if not self._state.exists():
            return DvrTrainState.begin(self._settings)
        state = load_state(self._state, self._settings, self._names)
        self._curves.rewind(state.step)
        if state.step:
            self._report.history.append(f"went on from step {state.step}")
        return state

    def step(self, state: DvrTrainState, told: dict[str, float]) -> None:
        """Add to the curves; now and then, write the state."""
        self._curves.add(told)
        if time.monotonic() - self._written > self._seconds:
            self.write_state(state)

    def best(self, state: DvrTrainState) -> None:
        """Keep the weights, and show what they draw beside what they should."""
        about = {
            "epochs": state.best_epoch,
            "ssim": state.best_ssim,
            "settings": asdict(self._settings),
            "volumes": self._names,
        }
        trained = TrainedRenderer(
            state.model, self._settings.model, self._values, self._settings.high_rate, about=about
        )
        self._report.facts["sha256"] = save_renderer(self.model, trained)
        march = March(self._settings.high_rate, self._settings.model.associated)
        pictures = []
        for subject in (self._kept[0], self._held_out[0]):
            (drawn,) = draw_subject(state.model, subject.volume, subject.cameras[:1], self._values, march)
            pictures += [subject.pictures[0], drawn]
        shown = [to_bytes(picture.numpy().astype(np.float32), (0, 0, 0)) for picture in pictures]
        write_png(self._preview, np.concatenate(shown, axis=1))

    def write_state(self, state: DvrTrainState) -> None:
        """Write all that is needed to go on."""
        save_state(self._state, state, self._settings, self._names)
        self._written = time.monotonic()


def _check(settings: DvrTrainSettings, subjects: list[Subject]) -> int:
    """Bytes that the training takes."""
    largest = max((subject.volume.grid for subject in subjects), key=lambda grid: grid.n_voxels)
    height, width = subjects[0].pictures.shape[1:3]
    return check_memory(settings, largest.shape, (height, width))


def _settings(options: DvrTrainingOptions) -> DvrTrainSettings:
    if not options.minutes >= 0:
        raise InputError(f"--minutes must be at least 0, got {options.minutes}")
    model = ModelSettings(
        name=options.model,
        width=options.width,
        levels=options.levels,
        depth=options.depth,
        dropout=options.dropout,
        classification=options.classification,
        associated=options.associated,
        recompute=options.recompute,
    )
    return DvrTrainSettings(
        model=model,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch=options.batch,
        low_rate=options.low_rate,
        high_rate=options.high_rate,
        jitter=not options.no_jitter,
        loss=options.loss,
        seed=options.seed,
    )
