"""The loop behind every fit of Gaussians to slices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError, InputError, UnitsError
from tomosplat.metrics import psnr, ssim
from tomosplat.render import SliceImage
from tomosplat.report import Progress
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.gaussian_model import GaussianModel, SliceModel, named_rates
from tomosplat.slices.palette import palette
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.seeding import grid_seeds, random_seeds
from tomosplat.slices.stack import SliceStack, TrackedFrames
from tomosplat.slices.targets import Sampler, SliceTarget, ValueRange, any_slices, gaps_mm, slice_targets
from tomosplat.volume import Unit

#: Given slices whose PSNR a look takes.
_LOOKED_AT = 4
#: Least probability that a label's loss sees: −log of it is what a pixel that is plainly wrong costs.
_LEAST_PROBABILITY = 1e-3


@dataclass(frozen=True)
class SliceLook:
    """What a look showed: after so many steps, the mean loss since the last look, and the mean PSNR of given slices."""

    iteration: int
    loss: float
    psnr: float


@dataclass
class SliceFitState:
    """Everything that a fit needs to go on, to the bit."""

    model: SliceModel
    optimiser: torch.optim.Adam
    rng: np.random.Generator
    iteration: int = 0
    losses: list[float] = field(default_factory=list)
    looks: list[SliceLook] = field(default_factory=list)

    @classmethod
    def begin(cls, model: SliceModel, settings: SliceFitSettings) -> SliceFitState:
        """The state before the first step."""
        groups = [{"params": [p], "lr": rate, "rate": rate, "name": name} for name, p, rate in named_rates(model)]
        optimiser = torch.optim.Adam(groups, eps=1e-15, fused=True)
        return cls(model, optimiser, np.random.default_rng(settings.seed))


def fit_model(
    model: SliceModel,
    sampler: Sampler,
    looked_at: Sequence[SliceTarget],
    settings: SliceFitSettings,
    *,
    state: SliceFitState | None = None,
    progress: Progress | None = None,
    on_look: Callable[[SliceFitState], None] | None = None,
    after_step: Callable[[SliceFitState], None] | None = None,
    look_after: Collection[int] = (),
) -> SliceFitState:
    """Fit what shows slices to slices: Adam on some of them at a time.

    Runs to the same bits for the same arguments on the same number of threads, also when it goes on from a ``state``.

    Args:
        model: Where to begin.
        sampler: Chooses what each step shows.
        looked_at: Given slices; the PSNR of some of them is taken now and then.
        settings: How to fit.
        state: Go on from here.
        progress: Called after each step.
        on_look: Called before the first step, then every ``settings.evaluate_every`` steps and after the last.
        after_step: Called after each step, before progress.
        look_after: Steps after which to look, too.

    Raises:
        DivergedError: A value was no longer finite; the message names the parameter.
    """
    if state is None:
        state = SliceFitState.begin(model, settings)
    if not state.looks:
        _look(state, looked_at, on_look)
    while state.iteration < settings.iterations:
        _take_step(state, sampler, settings)
        if after_step:
            after_step(state)
        if progress:
            progress(state.iteration, settings.iterations)
        regular = state.iteration % settings.evaluate_every == 0 or state.iteration == settings.iterations
        if regular or state.iteration in look_after:
            _look(state, looked_at, on_look)
    return state


def _take_step(state: SliceFitState, sampler: Sampler, settings: SliceFitSettings) -> None:
    given, between = sampler(state.rng, state.iteration / max(settings.iterations, 1))
    targets = [target.to(state.model.device) for target in (*given, *between)]
    try:
        images = state.model.render(targets)
    except UnitsError as error:
        raise _diverged(state.model, state.iteration) from error
    losses = [slice_loss(image, target, settings) for image, target in zip(images, targets, strict=True)]
    loss = torch.stack(losses[: len(given)]).mean()
    if between:
        loss = loss + torch.stack(losses[len(given) :]).mean()
    penalty = state.model.penalty()
    if penalty is not None:
        loss = loss + penalty
    if not bool(loss.isfinite()):
        raise _diverged(state.model, state.iteration)
    factor = settings.rate_now(state.iteration)
    for group in state.optimiser.param_groups:
        group["lr"] = group["rate"] * factor
    state.optimiser.zero_grad()
    loss.backward()
    state.optimiser.step()
    state.losses.append(float(loss.detach()))
    state.iteration += 1


def slice_loss(image: SliceImage, target: SliceTarget, settings: SliceFitSettings) -> Tensor:
    """Weighted L1 and 1 − SSIM of the image; L1 of colours, or cross-entropy of classes, for what stands for labels."""
    channels = target.image.shape[2]
    shown, semantic = image.values[..., :channels].contiguous(), image.values[..., channels:]
    loss = settings.l1_weight * torch.nn.functional.l1_loss(shown, target.image)
    if settings.ssim_weight and not target.plain:
        loss = loss + settings.ssim_weight * (1 - ssim(shown, target.image))
    # A model may show the image alone.
    if target.semantic is not None and settings.semantic_weight and semantic.shape[2]:
        loss = loss + settings.semantic_weight * _semantic_loss(semantic, target.semantic)
    return target.weight * loss


def _semantic_loss(semantic: Tensor, truth: Tensor) -> Tensor:
    if truth.is_floating_point():
        return torch.nn.functional.l1_loss(semantic, truth)
    probability = semantic.gather(2, truth[..., None])[..., 0]
    # What no Gaussian says anything of is background.
    probability = torch.where(truth == 0, probability + 1 - semantic.sum(dim=2), probability)
    return -torch.log(probability.clamp_min(0) + _LEAST_PROBABILITY).mean()


@torch.no_grad()
def mean_psnr(model: SliceModel, targets: Sequence[SliceTarget]) -> float:
    """Mean PSNR in dB of the image of slices; NaN without any."""
    values = []
    for given in targets:
        target = given.to(model.device)
        shown = model.render([target])[0].values[..., : target.image.shape[2]]
        values.append(float(psnr(shown, target.image)))
    return float(np.mean(values)) if values else float("nan")


def _look(
    state: SliceFitState, looked_at: Sequence[SliceTarget], on_look: Callable[[SliceFitState], None] | None
) -> None:
    loss = float(np.mean(state.losses)) if state.losses else float("nan")
    try:
        quality = mean_psnr(state.model, looked_at[:: max(1, len(looked_at) // _LOOKED_AT)])
    except UnitsError as error:
        raise _diverged(state.model, state.iteration) from error
    state.looks.append(SliceLook(state.iteration, loss, quality))
    state.losses = []
    if on_look:
        on_look(state)


def _diverged(model: SliceModel, iteration: int) -> DivergedError:
    """The error to raise when slices cannot be shown: names the parameter that is not finite, or the wildest."""
    what = "the last good state is kept, go on from it with a lower --learning-rate"
    for name, parameter in model.named_parameters():
        where = torch.argwhere(~parameter.detach().isfinite())
        if len(where):
            return DivergedError(f"{name} is not finite after {iteration} steps (entry {where[0].tolist()}); {what}")
    sizes = {name: float(p.detach().abs().max()) for name, p in model.named_parameters() if p.numel()}
    wildest = max(sizes, key=lambda name: sizes[name])
    return DivergedError(f"{wildest} ran away: it has grown to {sizes[wildest]:g} after {iteration} steps; {what}")


# ------------------------------------------------------------------------------------------- Gaussians to stacks


@dataclass(frozen=True)
class FitTask:
    """What a fit of Gaussians to stacks begins with.

    Attributes:
        model: The Gaussians.
        given: The given slices as targets.
        between: Those in the gaps.
        value_range: What 0 and 1 of their images mean.
        classes: Label ids, 0 first; empty where nothing is labelled.
        unit: Of the slices' values.
    """

    model: GaussianModel
    given: list[SliceTarget]
    between: list[SliceTarget]
    value_range: ValueRange
    classes: tuple[int, ...]
    unit: Unit

    def scene(self, state: SliceFitState, about: Mapping[str, Any]) -> SliceScene:
        """The fitted Gaussians, and how they came about."""
        made = {"iterations": state.iteration, "gaussians": len(self.model.means), **about}
        scene = self.model.scene(self.value_range, self.classes, self.given, {"slice_fit": made})
        return replace(scene, unit=self.unit)


def begin_fit(
    stacks: Sequence[SliceStack | TrackedFrames],
    between: Sequence[tuple[SliceStack | TrackedFrames, float]],
    settings: SliceFitSettings,
    *,
    weights: Sequence[float] = (),
    coloured: bool = False,
    make: Callable[..., GaussianModel] = GaussianModel,
) -> FitTask:
    """Targets and Gaussians for stacks of one body.

    Args:
        stacks: Given slices, of one frame of reference; one or several directions.
        between: Slices anywhere else, each with the weight of its loss: from motion, a network, or cross-faded.
        settings: How to fit.
        weights: Of the losses of each stack's slices; 1 by default.
        coloured: Labels are shown as colours, not as a score for each.
        make: What to fit; takes the arguments of ``GaussianModel``.

    Raises:
        InputError: There are no slices.
        UnitsError: All pixels are of one value.
        EmptySceneError: Nothing of the slices is bright enough.
    """
    if not stacks:
        raise InputError("there are no slices to fit")
    value_range = ValueRange.of(stacks)
    labelled = [s.labels for s in stacks if s.labels is not None]
    classes = tuple(sorted({0}.union(*(np.unique(labels).tolist() for labels in labelled)))) if labelled else ()
    weighed = zip(stacks, weights or [1.0] * len(stacks), strict=True)
    given = [target for stack, weight in weighed for target in slice_targets(stack, value_range, classes, weight)]
    extra = [t for slices, weight in between for t in slice_targets(slices, value_range, classes, weight)]
    if settings.seeding == "grid":
        gaps = [gap for stack in stacks for gap in gaps_mm(stack)]
        seeds = grid_seeds(given, gaps, settings)
    else:
        seeds = random_seeds(given, settings)
    pixel_mm = min(float(target.plane.spacing.min()) for target in given)
    model = make(seeds, pixel_mm, settings.blending, settings.rates, len(classes), coloured)
    if coloured:
        given, extra = _coloured(given, len(classes)), _coloured(extra, len(classes))
    units = {stack.unit for stack in stacks if isinstance(stack, SliceStack)}
    return FitTask(model, given, extra, value_range, classes, "HU" if units == {"HU"} else "arbitrary")


def fit_slices(
    stack: SliceStack | TrackedFrames | Sequence[SliceStack | TrackedFrames],
    targets_between: Sequence[tuple[SliceStack | TrackedFrames, float]],
    settings: SliceFitSettings,
    *,
    progress: Progress | None = None,
) -> SliceScene:
    """Fit Gaussians to given slices and to slices in the gaps; arguments and errors as ``begin_fit``."""
    stacks = [stack] if isinstance(stack, SliceStack | TrackedFrames) else list(stack)
    task = begin_fit(stacks, targets_between, settings)
    sampler = any_slices(task.given, task.between, settings.given_per_step, settings.between_per_step)
    state = fit_model(task.model, sampler, task.given, settings, progress=progress)
    return task.scene(state, {})


def _coloured(targets: Sequence[SliceTarget], n_classes: int) -> list[SliceTarget]:
    colours = palette(n_classes)
    return [t if t.semantic is None else replace(t, semantic=colours[t.semantic]) for t in targets]
