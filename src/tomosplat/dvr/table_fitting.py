"""The loop that fits a transfer function to pictures of one volume."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.objective import annealed_rate, picture_loss
from tomosplat.dvr.quality import Quality, quality_of
from tomosplat.dvr.rays import Rays
from tomosplat.dvr.table_settings import TableSettings
from tomosplat.dvr.tables import LookupTable, PerceptronTable, TableModel
from tomosplat.errors import DivergedError, InputError
from tomosplat.report import Progress

#: Entries of a table of two features along the steepness.
STEEPNESS_ENTRIES = 32
#: Optical depth of the first fog along the volume's longest axis.
_FIRST_DEPTH = 2.0
#: Adam's ε: far below any gradient, for its steps shall not shrink with gradients.
_EPSILON = 1e-15
_BETAS = (0.9, 0.99)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures and the rays of their pixels.

    Attributes:
        rays: [C, H, W].
        images: [C, H, W, 4] float32, premultiplied RGBA.
    """

    rays: Rays
    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def first(self, n: int) -> Pictures:
        """The first n of them."""
        return Pictures(self.rays[:n], self.images[:n])


class Epoch(NamedTuple):
    """What an epoch was like.

    ``loss`` is the mean over its steps, ``seconds`` processor time of its steps, and SSIM and PSNR are those of the
    pictures it is judged by, afterwards.
    """

    rate: float
    loss: float
    ssim: float
    psnr: float
    seconds: float


@dataclass
class TableFit:
    """Everything that a fit needs to go on, to the bit.

    Attributes:
        model: What is learned.
        optimizer: Adam's state.
        generator: Shuffles and jitters.
        epochs: What the finished epochs were like.
        best: The table of the epoch with the highest SSIM; before the first, that it begins with.
    """

    model: TableModel
    optimizer: torch.optim.Adam
    generator: torch.Generator
    epochs: list[Epoch] = field(default_factory=list)
    best: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.best = self.model().detach()

    @classmethod
    def begin(cls, features: Features, settings: TableSettings) -> TableFit:
        """The state before the first step: thin fog of random colours."""
        generator = torch.Generator().manual_seed(settings.seed)
        model = _model(settings, _FIRST_DEPTH / max(features.values.shape), generator)
        optimizer = torch.optim.Adam(model.parameters(), lr=settings.step_size, betas=_BETAS, eps=_EPSILON)
        return cls(model, optimizer, generator)

    @property
    def seen(self) -> Tensor:
        """Which entries of the table some ray has met, bool: of the others no picture told anything."""
        if isinstance(self.model, PerceptronTable):  # it tells of all values what it learned of some
            return torch.ones(len(self.model.nodes), dtype=torch.bool)
        energy: Tensor = self.optimizer.state[self.model.raw]["exp_avg_sq"][..., 3]
        return energy > 0

    @property
    def quality(self) -> Quality:
        """Of the best epoch."""
        best = max(self.epochs, key=lambda epoch: epoch.ssim)
        return Quality(best.ssim, best.psnr)


def fit_table(
    features: Features,
    pictures: Pictures,
    judged: Pictures,
    settings: TableSettings,
    *,
    state: TableFit | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[TableFit], None] | None = None,
) -> TableFit:
    """Fit a transfer function to pictures.

    Runs to the same bits for the same arguments, also when it goes on from a ``state``, on any number of threads.

    Args:
        features: What is classified.
        pictures: To learn from.
        judged: By which the best epoch is told: held-out pictures, or some of those learned from.
        settings: How to fit.
        state: Go on from here.
        progress: Called after each epoch.
        on_epoch: Called after each epoch with the state.

    Raises:
        InputError: There are no pictures, or they show nothing.
        DivergedError: A value was no longer finite.
    """
    check_pictures(pictures.images)
    state = state if state is not None else TableFit.begin(features, settings)
    while len(state.epochs) < settings.epochs:
        rate = annealed_rate(settings.low_rate, settings.high_rate, len(state.epochs), settings.epochs)
        march = March(rate, settings.associated)
        began = time.process_time()
        order = torch.randperm(len(pictures), generator=state.generator).tolist()
        batches = [order[a : a + settings.batch] for a in range(0, len(order), settings.batch)]
        losses = [_step(state, features, pictures, batch, march, settings) for batch in batches]
        seconds = time.process_time() - began
        table = state.model().detach()
        quality = judge(features, table, judged, March(settings.test_rate, settings.associated))
        if not state.epochs or quality.ssim > state.quality.ssim:
            state.best = table
        state.epochs.append(Epoch(rate, sum(losses) / len(losses), *quality, seconds))
        if progress:
            progress(len(state.epochs), settings.epochs)
        if on_epoch:
            on_epoch(state)
    return state


def check_pictures(images: Tensor) -> None:
    """Refuse pictures [C, H, W, 4] that nothing can be learned from.

    Raises:
        InputError: There are none, or all are transparent, or all are black.
    """
    if len(images) == 0:
        raise InputError("there are no pictures to learn from")
    if float(images[..., 3].max()) <= 0:
        raise InputError("all pictures are wholly transparent: they show nothing to learn; check their alpha channel")
    if float(images[..., :3].max()) <= 0:
        raise InputError("all pictures are wholly black: they show no colour to learn")


@torch.no_grad()
def judge(features: Features, table: Tensor, pictures: Pictures, march: March) -> Quality:
    """Quality of what a table draws; one picture is in memory at a time."""
    qualities = [
        quality_of(render_table(features, table, pictures.rays[n : n + 1], march), pictures.images[n : n + 1])
        for n in range(len(pictures))
    ]
    return Quality(*(sum(numbers) / len(qualities) for numbers in zip(*qualities, strict=True)))


def _model(settings: TableSettings, absorption: float, generator: torch.Generator) -> TableModel:
    if settings.kind == "mlp":
        return PerceptronTable(settings.associated, absorption, generator)
    shape = (settings.entries,) if settings.kind == "lookup" else (STEEPNESS_ENTRIES, settings.entries)
    return LookupTable(shape, settings.associated, absorption, generator)


def _step(
    state: TableFit, features: Features, pictures: Pictures, batch: list[int], march: March, settings: TableSettings
) -> float:
    rays = pictures.rays[batch]
    if settings.jitter:
        rays = rays.jittered(state.generator)
    images = render_table(features, state.model(), rays, march)
    loss = picture_loss(images, pictures.images[batch], settings.loss)
    if not bool(loss.isfinite()):
        raise DivergedError(f"the loss is not finite after {len(state.epochs)} epochs; a lower learning rate helps")
    state.optimizer.zero_grad()
    loss.backward()
    state.optimizer.step()
    state.model.settle()
    return float(loss.detach())
