"""Fits of Gaussians as methods that fill gaps between slices, for tables beside the rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from tomosplat.geometry import FloatArray, SlicePlane
from tomosplat.report import Report
from tomosplat.slices.fill import Filled, Quality
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
from tomosplat.slices.targets import SliceTarget, ValueRange, any_slices
from tomosplat.slices.triplane import TriplaneModel


def flow_gaussians(stack: SliceStack, at: FloatArray, report: Report, quality: Quality = "default") -> Filled:
    """The default: Gaussians fitted to the slices and to what ``fill`` puts in the gaps."""
    return _shown(
        stack, at, report, GaussianModel, default_settings(len(stack)), filled_between(stack, report, quality)
    )


def inner(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """InnerGS's Gaussians with our start, blending and rates, fitted to the slices alone."""
    return _shown(stack, at, report, GaussianModel, default_settings(len(stack)), None)


def inner_published(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """InnerGS as released."""
    return _shown(stack, at, report, GaussianModel, innergs_settings(max(stack.shape) / 2), None)


def triplane(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """Tri-plane modulated Gaussians with our start, blending and rates, fitted to the slices alone."""
    return _shown(stack, at, report, TriplaneModel, default_settings(len(stack)), None)


def inner_crossfade(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """``inner`` with cross-faded slices in the gaps (MedGS's IBFR)."""
    return _shown(stack, at, report, GaussianModel, default_settings(len(stack)), crossfaded_between(stack))


def folded(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """MedGS's folded Gaussians, additive form, with IBFR."""
    return _folded(stack, at, report, exact=False)


def folded_published(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    """MedGS as released: random start, exact form, density control, 30,000 steps."""
    return _folded(stack, at, report, exact=True)


def default_settings(n_slices: int) -> SliceFitSettings:
    """The defaults; more steps for more slices than a usual stack has."""
    return SliceFitSettings(iterations=max(500, 10 * n_slices))


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
    return Filled(values, labels, {"gaussians": len(scene)})


def show_at(scene: SliceScene, stack: SliceStack, at: FloatArray) -> tuple[np.ndarray, np.ndarray | None]:
    """What a scene shows at places of a stack: values [M, H, W] and, where there are any, labels."""
    planes = [SlicePlane(affine, *stack.shape) for affine in planes_at(stack, at)]
    values, labels = np.empty((len(at), *stack.shape), np.float32), None
    if scene.classes:
        labels = np.empty(values.shape, np.uint8)
    for n, image in enumerate(scene.render(planes)):
        values[n] = scene.value_range.from_unit(image.values[..., 0].numpy())
        if labels is not None:
            labels[n] = scene.labels_of(image)
    return values, labels


def planes_at(stack: SliceStack, at: FloatArray) -> FloatArray:
    """Affines [M, 4, 4] of slices at positions of a stack, as ``SliceStack.planes``."""
    planes = np.repeat(stack.affine[None], len(at), axis=0)
    planes[:, :3, 3] += np.asarray(at)[:, None] * stack.affine[:3, 2]
    return planes


def _folded(stack: SliceStack, at: FloatArray, report: Report, *, exact: bool) -> Filled:
    """Frames are counted, so slices must be evenly spaced for this to be fair."""
    value_range = ValueRange.of([stack])
    plane = SlicePlane(np.eye(4), *stack.shape)
    unit = torch.from_numpy(value_range.to_unit(stack.values))[..., None]
    targets = [SliceTarget(plane, unit[n], time=float(n)) for n in range(len(stack))]
    if exact:
        scene = random_folded(stack.shape, len(stack), 1, 7, ("image",), 100_000, 0)
        model = FoldedModel(scene, ("image",), published_rates(stack.shape[1], len(stack)), float(len(stack)))
        model.span_weight = 0.25
        settings = SliceFitSettings(iterations=30_000, l1_weight=2.0, ssim_weight=0.25, flat=1.0, evaluate_every=3000)
    else:
        settings = SliceFitSettings(iterations=max(800, 10 * len(stack)), ssim_weight=0.2)
        scene = grid_folded(targets, 2, ("image",), settings.pitch, settings.most)
        model = FoldedModel(scene, ("image",), ADDITIVE_RATES, 1.0)
    density = FoldedDensity(model, settings.iterations) if exact else None
    sampler = neighbouring_frames(targets, 3, CROSSFADE_WEIGHT)
    with report.stage("fit Gaussians to slices") as progress:
        fit_model(model, sampler, targets, settings, progress=progress, after_step=density)
    times = np.interp(at, stack.positions, np.arange(len(stack)))
    with torch.no_grad():
        fitted = model.scene()
        shown = [fitted.show(float(time), "image").values[..., 0].numpy() for time in times]
    return Filled(value_range.from_unit(np.stack(shown)), None, {"gaussians": len(fitted)})
