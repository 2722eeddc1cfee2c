"""One loop for both stages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError
from tomosplat.files.dataset import Manifest
from tomosplat.report import Progress
from tomosplat.training.crops import augmented, draw_crop
from tomosplat.training.losses import dense_loss
from tomosplat.training.pictures import predicted_picture_loss
from tomosplat.training.ranks import Ranks
from tomosplat.training.readout import solve_head
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState
from tomosplat.training.subjects import Subjects

ALONE = Ranks()
#: Called after a step with the losses of this one: the network's, and that of the primed scene, which it starts from.
OnStep = Callable[[TrainState, dict[str, float]], None]


def train_dense(
    state: TrainState,
    manifest: Manifest,
    looks: list[Path],
    settings: TrainSettings,
    *,
    ranks: Ranks = ALONE,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
) -> None:
    """Take the first stage's steps that ``state`` has not taken: from fitted scenes, crop by crop.

    The head is solved in closed form before the first step and after the last (``solve_head``).

    With several processes each takes its share of a step's crops, and all end with the same state.

    Raises:
        DivergedError: A loss or a gradient is not finite.
    """
    if not settings.dense_steps:
        return
    model = settings.model
    if state.step == 0 and not bool(state.network.head.weight.any()):
        _solve_heads(state, manifest, looks, settings, ranks)

    def losses(rng: np.random.Generator) -> tuple[Tensor, float]:
        crop = draw_crop(manifest, looks, settings.crop, model.scale, rng)
        if settings.augment:
            crop = augmented(crop, rng, turn=model.light_channels)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
            field: Tensor = state.network(crop.scan[None], crop.light[None] if model.light_channels else None)[0]
        with torch.no_grad():
            primed = dense_loss(torch.zeros_like(field), crop)
        return dense_loss(field, crop), float(primed)

    stage = _Stage(0, settings.dense_steps, settings.learning_rate)
    _run(stage, state, settings, losses, ranks, progress, on_step)
    if state.step == settings.dense_steps:
        _solve_heads(state, manifest, looks, settings, ranks)


def _solve_heads(
    state: TrainState, manifest: Manifest, looks: list[Path], settings: TrainSettings, ranks: Ranks
) -> None:
    if settings.solve_crops:
        for network in (state.network, state.average):
            solve_head(network, manifest, looks, settings)
            ranks.take_from_first(network.head.parameters())


def train_pictures(
    state: TrainState,
    manifest: Manifest,
    settings: TrainSettings,
    *,
    ranks: Ranks = ALONE,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
) -> None:
    """Take the second stage's steps: end to end, from pictures through the splatting (the paper's losses).

    Raises:
        InputError: The dataset has no pictures.
        DivergedError: A loss or a gradient is not finite.
    """
    if not settings.picture_steps:
        return
    subjects = Subjects(manifest, settings.model.scale, lit=settings.model.light == "march")

    def losses(rng: np.random.Generator) -> tuple[Tensor, float]:
        return predicted_picture_loss(state.network, subjects.draw(rng), rng, settings)

    stage = _Stage(settings.dense_steps, settings.picture_steps, settings.picture_rate)
    _run(stage, state, settings, losses, ranks, progress, on_step)


def scheduled(rate: float, step: int, steps: int, power: float) -> float:
    """Learning rate of a step: it falls to zero as (1 − step / steps)^power."""
    return float(rate * (1 - step / steps) ** power)


@dataclass(frozen=True)
class _Stage:
    """Steps ``first`` to ``first + steps`` of a training, and the learning rate at their beginning."""

    first: int
    steps: int
    rate: float


def _run(
    stage: _Stage,
    state: TrainState,
    settings: TrainSettings,
    losses: Callable[[np.random.Generator], tuple[Tensor, float]],
    ranks: Ranks,
    progress: Progress | None,
    on_step: OnStep | None,
) -> None:
    """Take the steps of a stage that are not taken yet.

    Each crop draws from random numbers of its own, so a training that was stopped goes on to the bit, and it does not
    matter which process has which crop.
    """
    while state.step < stage.first + stage.steps:
        start = time.perf_counter()
        sums = torch.zeros(2, dtype=torch.float64)
        for crop in ranks.share(settings.accumulate):
            loss, before = losses(np.random.default_rng([settings.seed, state.step, crop]))
            (loss / settings.accumulate).backward()
            sums += torch.tensor([float(loss.detach()), before], dtype=torch.float64)
        total, primed = ranks.add_up(state.network, sums).tolist()
        if not np.isfinite(total):
            raise DivergedError(f"the loss is not finite at step {state.step}; go on with a lower --learning-rate")
        norm = state.update(scheduled(stage.rate, state.step - stage.first, stage.steps, settings.power), settings.ema)
        if on_step:
            values = {"loss": total / settings.accumulate, "primed": primed / settings.accumulate, "norm": norm}
            on_step(state, {"step": state.step, **values, "seconds": round(time.perf_counter() - start, 3)})
        if progress:
            progress(state.step - stage.first, stage.steps)
