"""Fits of Gaussians as methods that fill gaps between slices, for tables beside the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from tomosplat.geometry import FloatArray, SlicePlane
from tomosplat.report import Report
from tomosplat.slices.fill import Filled
from tomosplat.slices.fit_settings import SliceFitSettings, innergs_settings
from tomosplat.slices.folded_density import FoldedDensity
from tomosplat.slices.folded_model import (
    ADDITIVE_RATES,
    FoldedModel,
    grid_folded,
    neighbouring_frames,
    published_rates,
    random_folded,
)
from tomosplat.slices.gaps import CROSSFADE_WEIGHT, crossfaded_between, filled_between
from tomosplat.slices.gaussian_fit import begin_fit, fit_model
from tomosplat.slices.gaussian_model import GaussianModel
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.stack import SliceStack
from tomosplat.slices.targets import Sampler, SliceTarget, ValueRange, any_slices

#: What is asked of the gaps: motion-compensated slices, cross-faded ones (IBFR of MedGS), or nothing.
Gap = Literal["motion", "crossfade", "none"]


def fitted(
    stack: SliceStack,
    at: FloatArray,
    report: Report,
    *,
    make: Callable[..., GaussianModel] = GaussianModel,
    gap: Gap = "none",
    **changes: Any,
) -> Filled:
    """Gaussians fitted to slices with our start, blending and rates, or with ``changes`` of these settings."""
    settings = replace(default_settings(len(stack)), **changes)
    return _shown(stack, at, report, make, settings, _between(stack, gap, report))


def inner_published(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """InnerGS as released."""
    return _shown(stack, at, report, GaussianModel, innergs_settings(max(stack.shape) / 2), None)


def default_settings(n_slices: int) -> SliceFitSettings:
    """The defaults; more steps for more slices than a usual stack has."""
    return SliceFitSettings(iterations=max(500, 10 * n_slices))


def _between(stack: SliceStack, gap: Gap, report: Report) -> tuple[SliceStack, float] | None:
    if gap == "motion":
        return filled_between(stack, report, "default")
    return crossfaded_between(stack) if gap == "crossfade" else None


def _shown(
    stack: SliceStack,
    at: FloatArray,
    report: Report,
    make: Callable[..., GaussianModel],
    settings: SliceFitSettings,
    between: tuple[SliceStack, float] | None,
) -> Filled:
    task = begin_fit([stack], [] if between is None else [between], settings, make=make)
    sampler = any_slices(task.given, task.between, settings.given_per_step, settings.between_per_step)
    with report.stage("fit Gaussians to slices") as progress:
        state = fit_model(task.model, sampler, task.given, settings, progress=progress)
    scene = task.scene(state, {})
    values, labels = show_at(scene, stack, at)
    return Filled(values, labels, {"gaussians": len(scene), "given_psnr": state.looks[-1].psnr})


def show_at(scene: SliceScene, stack: SliceStack, at: FloatArray) -> tuple[np.ndarray, np.ndarray | None]:
    """What a scene shows at places of a stack: values [M, H, W] and, where there are any, labels."""
    planes = [SlicePlane(affine, *stack.shape) for affine in stack.planes_at(at)]
    values, labels = np.empty((len(at), *stack.shape), np.float32), None
    if scene.classes:
        labels = np.empty(values.shape, np.uint8)
    for n, image in enumerate(scene.render(planes)):
        values[n] = scene.value_range.from_unit(image.values[..., 0].numpy())
        if labels is not None:
            labels[n] = scene.labels_of(image)
    return values, labels


def folded(stack: SliceStack, at: FloatArray, report: Report, *, gap: Gap = "crossfade") -> Filled:
    """MedGS's folded Gaussians, additive form."""
    value_range, targets = _frames(stack)
    settings = SliceFitSettings(iterations=max(800, 10 * len(stack)), ssim_weight=0.2)
    scene = grid_folded(targets, 2, ("image",), settings.pitch, settings.most)
    model = FoldedModel(scene, ("image",), ADDITIVE_RATES, 1.0)
    between = []
    if gap == "motion":
        filled, weight = filled_between(stack, report, "default")
        times = np.interp(filled.positions, stack.positions, np.arange(len(stack)))
        images = torch.from_numpy(value_range.to_unit(filled.values))[..., None]
        plane = targets[0].plane
        between = [SliceTarget(plane, image, None, weight, t) for image, t in zip(images, times.tolist(), strict=True)]
    sampler = neighbouring_frames(targets, 3, CROSSFADE_WEIGHT if gap == "crossfade" else 0.0, between)
    return _folded(stack, at, report, model, sampler, settings, None)


def folded_published(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """MedGS as released: random start, exact form, density control, 30,000 steps."""
    scene = random_folded(stack.shape, len(stack), 1, 7, ("image",), 100_000, 0)
    model = FoldedModel(scene, ("image",), published_rates(stack.shape[1], len(stack)), float(len(stack)))
    model.span_weight = 0.25
    settings = SliceFitSettings(iterations=30_000, l1_weight=2.0, ssim_weight=0.25, flat=1.0, evaluate_every=3000)
    sampler = neighbouring_frames(_frames(stack)[1], 3, CROSSFADE_WEIGHT)
    return _folded(stack, at, report, model, sampler, settings, FoldedDensity(model, settings.iterations))


def _frames(stack: SliceStack) -> tuple[ValueRange, list[SliceTarget]]:
    """Frames are counted, so slices must be evenly spaced for this to be fair."""
    value_range = ValueRange.of([stack])
    plane = SlicePlane(np.eye(4), *stack.shape)
    unit = torch.from_numpy(value_range.to_unit(stack.values))[..., None]
    return value_range, [SliceTarget(plane, unit[n], time=float(n)) for n in range(len(stack))]


def _folded(
    stack: SliceStack,
    at: FloatArray,
    report: Report,
    model: FoldedModel,
    sampler: Sampler,
    settings: SliceFitSettings,
    density: FoldedDensity | None,
) -> Filled:
    value_range, targets = _frames(stack)
    with report.stage("fit Gaussians to slices") as progress:
        state = fit_model(model, sampler, targets, settings, progress=progress, after_step=density)
    times = np.interp(at, stack.positions, np.arange(len(stack)))
    with torch.no_grad():
        scene = model.scene()
        shown = [scene.show(float(time), "image").values[..., 0].numpy() for time in times]
    facts = {"gaussians": len(scene), "given_psnr": state.looks[-1].psnr}
    return Filled(value_range.from_unit(np.stack(shown)), None, facts)
