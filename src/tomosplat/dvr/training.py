"""One loop for all models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.dvr.march import March
from tomosplat.dvr.models import LearnedRenderer
from tomosplat.dvr.objective import annealed_rate, picture_loss
from tomosplat.dvr.quality import quality_of
from tomosplat.dvr.subjects import Subject
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.dvr.training_state import DvrTrainState
from tomosplat.dvr.values import ValueRange
from tomosplat.errors import DivergedError
from tomosplat.geometry import Cameras
from tomosplat.report import Progress
from tomosplat.volume import Volume

#: Called after every step with what there is to tell of it.
OnStep = Callable[[DvrTrainState, dict[str, float]], None]
#: Called after every epoch whose held-out pictures are the best so far.
OnBest = Callable[[DvrTrainState], None]


def train_renderer(
    state: DvrTrainState,
    kept: Sequence[Subject],
    held_out: Sequence[Subject],
    values: ValueRange,
    settings: DvrTrainSettings,
    *,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
    on_best: OnBest | None = None,
) -> None:
    """Take the steps that ``state`` has not taken.

    Every step draws from random numbers of its own, so a training that was stopped goes on to the bit.

    Raises:
        DivergedError: A loss is not finite.
    """
    volumes = [values.normalised(subject.volume) for subject in kept]
    steps = [step for epoch in range(settings.epochs) for step in _epoch(kept, epoch, settings)]
    n = len(steps) // settings.epochs
    while state.step < len(steps):
        start = time.perf_counter()
        subject, views = steps[state.step]
        epoch = state.step // n
        rate = annealed_rate(settings.low_rate, settings.high_rate, epoch, settings.epochs)
        march = March(rate, settings.model.associated)
        loss = _step(state, kept[subject].only(views), volumes[subject], march, settings)
        told = {"step": state.step, "epoch": epoch, "rate": rate, "loss": loss}
        if state.step % n == 0:
            told |= _validate(state, held_out, values, settings)
            if told["ssim"] > state.best_ssim:
                state.best_ssim, state.best_epoch = told["ssim"], epoch + 1
                if on_best:
                    on_best(state)
        if on_step:
            on_step(state, told | {"seconds": round(time.perf_counter() - start, 3)})
        if progress:
            progress(state.step, len(steps))


def _epoch(subjects: Sequence[Subject], epoch: int, settings: DvrTrainSettings) -> list[tuple[int, list[int]]]:
    """Subject and views of each step of an epoch: every picture once, in random order."""
    rng = np.random.default_rng([settings.seed, epoch])
    steps = []
    for number, subject in enumerate(subjects):
        views = rng.permutation(len(subject.cameras))
        size = settings.n_pictures
        steps += [(number, views[a : a + size].tolist()) for a in range(0, len(views), size)]
    return [steps[i] for i in rng.permutation(len(steps))]


def _step(state: DvrTrainState, subject: Subject, volume: Tensor, march: March, settings: DvrTrainSettings) -> float:
    state.model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed(settings.seed, state.step))  # dropout
        jitter = torch.Generator().manual_seed(_seed(settings.seed, state.step, 1)) if settings.jitter else None
        pictures = state.model.draw(state.model.encode(volume), subject.volume.grid, subject.cameras, march, jitter)
        loss = picture_loss(pictures, subject.pictures, settings.loss)
        if not bool(loss.isfinite()):
            raise DivergedError(f"the loss is not finite at step {state.step}; train with a lower learning rate")
        state.adam.zero_grad(set_to_none=True)
        loss.backward()
    state.adam.step()
    state.model.settle()
    state.step += 1
    return float(loss.detach())


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])


def _validate(
    state: DvrTrainState, subjects: Sequence[Subject], values: ValueRange, settings: DvrTrainSettings
) -> dict[str, float]:
    """Mean SSIM and PSNR of held-out pictures, of their colours over black."""
    march = March(settings.high_rate, settings.model.associated)
    found = []
    for subject in subjects:
        drawn = draw_subject(state.model, subject.volume, subject.cameras, values, march)
        found += [quality_of(p[None], t[None]) for p, t in zip(drawn, subject.pictures, strict=True)]
    ssim, psnr = np.mean(found, axis=0)
    return {"ssim": float(ssim), "psnr": float(psnr)}


def draw_subject(
    model: LearnedRenderer[Any], volume: Volume, cameras: Cameras, values: ValueRange, march: March
) -> Iterator[Tensor]:
    """Pictures [H, W, 4], one after the other; the volume is encoded once.

    Raises:
        UnitsError: The volume has other values than the model knows.
    """
    model.eval()
    with torch.no_grad():
        encoded = model.encode(values.normalised(volume))
        for i in range(len(cameras)):
            yield model.draw(encoded, volume.grid, cameras[i : i + 1], march)[0]
