"""Models trained and judged one after another, for ``dvr_semantic.py`` and ``dvr_patients.py``."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.dvr.checkpoints import TrainedRenderer, load_renderer, save_renderer
from tomosplat.dvr.encoded import EncodedVolume
from tomosplat.dvr.model_settings import ModelName, ModelSettings
from tomosplat.dvr.quality import quality_of
from tomosplat.dvr.subjects import Subject
from tomosplat.dvr.training import train_renderer
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.dvr.training_state import DvrTrainState, load_state, save_state
from tomosplat.dvr.values import ValueRange
from tomosplat.files.images import to_bytes, write_png
from tomosplat.metrics import has_perceptual_weights, st_lpips

MODELS: tuple[ModelName, ...] = ("lookup", "vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet", "rendernet")
_SAVE_EVERY_S = 60.0


@dataclass(frozen=True)
class Sizes:
    """Of an experiment.

    Attributes:
        voxels: Edge of the volumes.
        pixels: Edge of the pictures.
        width: Channels of the finest level of a V-Net, twice as many of RenderNet, without dropout; None as the paper.
        epochs: How often every picture is shown.
        batch: Pictures in each step; None as the paper.
        low_rate: Samples per voxel in the first epoch. The paper's 0.1 leaves 20 to 40 on a ray through its volumes,
            and two or three through small ones.
    """

    voxels: int
    pixels: int
    width: int | None
    epochs: int
    batch: int | None
    low_rate: float = 0.1


@dataclass(frozen=True, eq=False)
class Split:
    """What is trained on, what chooses the epoch, and what is judged by."""

    train: list[Subject]
    validation: list[Subject]
    test: list[Subject]


def add_arguments(parser: argparse.ArgumentParser, small: Sizes) -> None:
    """Arguments that give ``Sizes`` and where results are kept."""
    parser.add_argument("--voxels", type=int, default=small.voxels)
    parser.add_argument("--pixels", type=int, default=small.pixels)
    parser.add_argument("--width", type=int, default=small.width)
    parser.add_argument("--epochs", type=int, default=small.epochs)
    parser.add_argument("--batch", type=int, default=small.batch)
    parser.add_argument("--low-rate", type=float, default=small.low_rate)
    parser.add_argument("--full", action="store_true", help="the paper's sizes, for a GPU's patience")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--results", type=Path, required=True)


def sizes_of(arguments: argparse.Namespace, full: Sizes) -> Sizes:
    """What the arguments ask for."""
    a = arguments
    return full if a.full else Sizes(a.voxels, a.pixels, a.width, a.epochs, a.batch, a.low_rate)


def settings_of(name: ModelName, sizes: Sizes) -> DvrTrainSettings:
    """Training of a model: the paper's rates, but RenderNet's, with which it turned constant (0.05)."""
    width = sizes.width if name != "rendernet" or sizes.width is None else 2 * sizes.width
    depth = 128 if sizes.width is None else 4 * (sizes.voxels // 4)
    dropout = 0.5 if sizes.width is None else 0.0
    model = ModelSettings(name=name, width=width, depth=depth, dropout=dropout, classification="pre", associated=True)
    rate = 0.001 if name == "rendernet" else None
    return DvrTrainSettings(
        model=model, epochs=sizes.epochs, batch=sizes.batch, learning_rate=rate, low_rate=sizes.low_rate
    )


def run(name: ModelName, split: Split, sizes: Sizes, folder: Path) -> dict[str, float]:
    """Train one model, unless that is done, and judge it; the row of a table."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"{name}.json"
    if done.exists():
        return json.loads(done.read_text())
    settings = settings_of(name, sizes)
    values = ValueRange.of([subject.volume for subject in split.train])
    state_file, checkpoint = folder / f"{name}.state", folder / f"{name}.safetensors"
    subjects = [subject.name for subject in split.train]
    spent_file = folder / f"{name}.seconds"
    spent = float(spent_file.read_text()) if state_file.exists() and spent_file.exists() else 0.0
    state = load_state(state_file, settings, subjects) if state_file.exists() else DvrTrainState.begin(settings)
    began, saved = time.process_time(), time.monotonic()

    def keep(state: DvrTrainState) -> None:
        save_renderer(checkpoint, TrainedRenderer(state.model, settings.model, values, settings.high_rate))

    def step(state: DvrTrainState, told: dict[str, float]) -> None:
        nonlocal saved
        if "ssim" in told:
            print(f"  {name} epoch {told['epoch']}: loss {told['loss']:.3f}, SSIM {told['ssim']:.3f}", flush=True)
        if time.monotonic() - saved > _SAVE_EVERY_S:
            save_state(state_file, state, settings, subjects)
            spent_file.write_text(str(spent + time.process_time() - began))
            saved = time.monotonic()

    train_renderer(state, split.train, split.validation, values, settings, on_step=step, on_best=keep)
    seconds = spent + time.process_time() - began
    row = {"model": name, **judged(load_renderer(checkpoint), split.test), "minutes": seconds / 60}
    row |= {"best_epoch": state.best_epoch, "parameters": sum(p.numel() for p in state.model.parameters())}
    done.write_text(json.dumps(row | {"sizes": asdict(sizes)}, indent=1))
    return row


def judged(trained: TrainedRenderer, subjects: list[Subject]) -> dict[str, float]:
    """Means over all pictures of colours over black."""
    rows = []
    for subject in subjects:
        encoded = EncodedVolume(trained, subject.volume)
        for number, target in enumerate(subject.pictures):
            drawn = encoded.draw(subject.cameras[number : number + 1])
            quality = quality_of(drawn, target[None])
            shown, wanted = drawn[0, ..., :3].clamp(0, 1).contiguous(), target[..., :3].contiguous()
            perceptual = float(st_lpips(shown, wanted)) if has_perceptual_weights() else float("nan")
            rows.append((*quality, perceptual))
    ssim, psnr, perceptual = np.mean(rows, axis=0)
    return {"ssim": float(ssim), "psnr": float(psnr), "st_lpips": float(perceptual)}


def table(rows: list[dict[str, float]]) -> str:
    """Rows as Markdown."""
    lines = ["| model | parameters | SSIM | PSNR dB | ST-LPIPS | processor minutes |", "|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row['model']} | {row['parameters']:,} | {row['ssim']:.3f} | {row['psnr']:.1f} | {row['st_lpips']:.3f} | "
        f"{row['minutes']:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def sheet(path: Path, models: list[ModelName], subjects: list[Subject], folder: Path, views: int = 3) -> None:
    """A picture: the truth in the first row, then a row for each model."""
    shown = [(subject, number) for subject in subjects[:3] for number in range(len(subject.cameras))[:views]]
    rows = [[subject.pictures[number] for subject, number in shown]]
    for name in models:
        trained = load_renderer(folder / f"{name}.safetensors")
        rows.append([EncodedVolume(trained, s.volume).draw(s.cameras[n : n + 1])[0] for s, n in shown])
    write_png(path, np.concatenate([np.concatenate([_enlarged(p) for p in row], axis=1) for row in rows]))


def _enlarged(picture: torch.Tensor) -> NDArray[np.uint8]:
    factor = max(1, 192 // picture.shape[0])
    pixels = to_bytes(picture.numpy().astype(np.float32), (0, 0, 0))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def halves(subject: Subject, n_train: int, seed: int = 0) -> Split:
    """One subject: views to train on, the others to judge by, which also choose the epoch, as in the paper."""
    order = np.random.default_rng(seed).permutation(len(subject.cameras)).tolist()
    train, rest = sorted(order[:n_train]), sorted(order[n_train:])
    return Split([subject.only(train)], [subject.only(rest)], [subject.only(rest)])
