"""Slices in, a fitted scene out: what ``tomosplat slices fit`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tomosplat.errors import BackendUnavailableError, InputError
from tomosplat.files.atomic import make_folder
from tomosplat.files.frames import is_frame_folder
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.slices.fit_folded import fit_folded
from tomosplat.pipeline.slices.fitting import Saving, checkpoint_path, run_fit
from tomosplat.pipeline.slices.input import read_slices
from tomosplat.pipeline.slices.options import FoldedOptions, SliceFitOptions
from tomosplat.render import Device
from tomosplat.report import Report
from tomosplat.slices.fit_settings import SliceFitSettings, innergs_settings
from tomosplat.slices.fusion import matched
from tomosplat.slices.gaps import crossfaded_between, filled_between, fused_between
from tomosplat.slices.gaussian_fit import begin_fit
from tomosplat.slices.gaussian_model import GaussianModel
from tomosplat.slices.stack import SliceStack, TrackedFrames
from tomosplat.slices.targets import any_slices
from tomosplat.slices.triplane import TriplaneModel

#: Weight of the slices of further stacks at least, for where the first does not reach.
_LEAST_BELIEVED = 0.05


@dataclass(frozen=True)
class _Asked:
    """What a fit is held to: given slices, their weights, and slices in the gaps with theirs."""

    stacks: Sequence[SliceStack | TrackedFrames]
    weights: Sequence[float]
    between: Sequence[tuple[SliceStack | TrackedFrames, float]]


def fit_slice_files(
    sources: Sequence[Path], output: Path, options: SliceFitOptions, folded: FoldedOptions, report: Report
) -> Path:
    """Fit slice files and write the scene into a folder; return the scene's file.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there, or for Gaussians that move from frame to frame.
        InputError: The slices or an option cannot be used, or they do not belong together.
        DivergedError: A value was no longer finite; the last good scene is written all the same.
        OutputError: A result could not be written.
    """
    method = options.method
    if method == "auto":
        method = "folded" if all(is_frame_folder(path) for path in sources) else "flow"
    gap = options.gap
    if gap == "auto":
        gap = {"flow": "motion", "folded": "crossfade"}.get(method, "none")  # type: ignore[assignment]
    report.facts |= {"method": method, "gap": gap}
    _check(method, len(sources), options, folded)
    device = device_of_fit(method, options.device, report)
    if method == "folded":
        return fit_folded(sources[0], output, options, folded, gap, report)
    with report.stage("read slices"):
        stacks = read_slices(sources, options, report)
    make_folder(output)
    if options.as_published:
        settings = published_settings(stacks, options)
    else:
        settings = fit_settings(options, n_slices=sum(map(len, stacks)))
    asked = _asked(stacks, gap, options, report)
    make = TriplaneModel if method == "triplane" else GaussianModel
    with report.stage("seed Gaussians"):
        task = begin_fit(
            asked.stacks,
            asked.between,
            settings,
            weights=asked.weights,
            coloured=options.semantic == "colours",
            make=make,
        )
        task.model.to(device)
    sampler = any_slices(task.given, task.between, settings.given_per_step, settings.between_per_step)
    about = {"method": method, "gap": gap, "sources": [path.name for path in sources]}
    saving = Saving(output, lambda state: task.scene(state, about), options.preview)
    run_fit(task.model, sampler, task.given, settings, saving, about, report)
    return checkpoint_path(output, settings.iterations)


def device_of_fit(method: str, device: Device, report: Report) -> torch.device:
    """Where a fit is made; folded Gaussians are fitted on the CPU.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there, or for folded Gaussians.
    """
    if method != "folded":
        return device_for(device, report)
    if device == "cuda":
        raise BackendUnavailableError("--method folded fits on the CPU only; use --device cpu")
    return device_for("cpu", report)


def _check(method: str, n_sources: int, options: SliceFitOptions, folded: FoldedOptions) -> None:
    """Refuse options that a method has no use for, instead of leaving them without effect."""
    if method == "folded":
        if n_sources != 1:
            raise InputError(f"the folded method fits the frames of one folder, got {n_sources} sources")
        if options.labels or options.label_threshold is not None:
            raise InputError("the folded method takes masks with --pipeline joint --seg-source-path, not --labels")
        if options.blending != "auto":
            raise InputError("the folded method has a blending of its own; leave --blending out")
        return
    if folded != FoldedOptions():
        raise InputError(
            f"--method {method} has no use for the folded method's options (--pipeline, --seg-source-path, ...); masks "
            "go with --labels"
        )
    if options.as_published and method == "flow":
        raise InputError("--as-published is for the published methods: --method inner, triplane or folded")
    if options.as_published and options.blending != "auto":
        raise InputError("--as-published blends with alpha; leave --blending out")


def _asked(slices: Sequence[SliceStack | TrackedFrames], gap: str, options: SliceFitOptions, report: Report) -> _Asked:
    """Several stacks are made equally bright; in motion's gaps they are fused, and the first is believed most."""
    stacks = [some for some in slices if isinstance(some, SliceStack)]
    if len(stacks) == len(slices) > 1 and not options.as_published:
        with report.stage("match brightness"):
            stacks = matched(stacks)
        report.history.append("brightness of all stacks matched to that of the first")
        slices = stacks
    weights = [1.0] * len(slices)
    if gap == "motion" and len(stacks) == len(slices) > 1:
        fused, share = fused_between(stacks, report, options.quality)
        weights[1:] = [max(share, _LEAST_BELIEVED)] * (len(stacks) - 1)
        return _Asked(slices, weights, list(zip(fused, weights, strict=True)))
    # A sweep has no gaps, for its frames have no two sides.
    if gap == "motion":
        return _Asked(slices, weights, [filled_between(stack, report, options.quality) for stack in stacks])
    return _Asked(slices, weights, [crossfaded_between(stack) for stack in stacks] if gap == "crossfade" else [])


def fit_settings(options: SliceFitOptions, n_slices: int) -> SliceFitSettings:
    """As the loop takes it; more steps for more slices than a usual stack has."""
    return SliceFitSettings(
        iterations=options.iterations if options.iterations is not None else max(500, 10 * n_slices),
        blending="normalised" if options.blending == "auto" else options.blending,
        pitch=options.pitch,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )


def published_settings(stacks: Sequence[SliceStack | TrackedFrames], options: SliceFitOptions) -> SliceFitSettings:
    """InnerGS's own, for slices of this size."""
    widest = max(max(stack.values.shape[1:]) for stack in stacks)
    iterations = options.iterations if options.iterations is not None else 2001
    return innergs_settings(widest / 2, iterations=iterations, seed=options.seed)
