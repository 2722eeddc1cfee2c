"""What ``tomosplat fit`` and ``tomosplat finetune`` share: a scene and views in, a fitted scene file out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from tomosplat.errors import DivergedError
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.scenes import write_scene
from tomosplat.fitting import DensityControl, FitSettings, FitState, View, fit, load_checkpoint, save_checkpoint
from tomosplat.fitting.settings import Model
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.fitting.options import FittingOptions
from tomosplat.render import rasterize
from tomosplat.report import Progress, Report


def fit_settings(options: FittingOptions, *, iterations: int, densify: bool, model: Model) -> FitSettings:
    """The same as the loop takes it; the other arguments where the options leave it open.

    Raises:
        InputError: A value is out of its range.
    """
    return FitSettings(
        iterations=options.iterations if options.iterations is not None else iterations,
        model=options.model if options.model is not None else model,
        learning_rate=options.learning_rate,
        multi_scale=options.ms_ssim,
        density=DensityControl(densify=options.densify if options.densify is not None else densify),
        seed=options.seed,
    )


def fit_and_write(
    scene: GaussianScene,
    views: Sequence[View],
    held_out: Sequence[View],
    output: Path,
    settings: FitSettings,
    options: FittingOptions,
    device: torch.device,
    report: Report,
    pace: Progress | None = None,
) -> GaussianScene:
    """Fit, going on from a checkpoint if there is one, and write the scene; keep the last good one if it diverges.

    Args:
        scene: Where to begin.
        views: See ``fit``.
        held_out: See ``fit``.
        output: The scene file.
        settings: How to fit.
        options: Where previews and checkpoints go.
        device: Where to fit.
        report: Takes times and counts.
        pace: Called after each step; may wait for views.

    Raises:
        InputError: The views do not show the scene, or the checkpoint is of another fit.
        DivergedError: A value was no longer finite; the last good scene is written all the same.
        OutputError: A file could not be written.
    """
    scene = scene.to(device)
    checkpoint = options.checkpoint or output.with_name(f".{output.name}.checkpoint")
    state = load_checkpoint(checkpoint, scene, settings) if checkpoint.is_file() else FitState.begin(scene, settings)
    good = state.result()
    if state.iteration:
        report.history.append(f"went on from iteration {state.iteration} of {checkpoint.name}")

    def keep(now: FitState) -> None:
        nonlocal good
        good = now.result()
        save_checkpoint(checkpoint, now, settings)
        if options.preview is not None:
            picture = rasterize(replace(now.gaussians.scene(), values=None, illumination=None), views[0].camera)
            write_png(options.preview, to_bytes(picture.rgba[0].cpu().numpy(), (0, 0, 0)))

    try:
        with report.stage("fit") as progress:

            def advance(done: int, total: int) -> None:
                progress(done, total)
                if pace:
                    pace(done, total)

            state = fit(scene, views, settings, held_out=held_out, state=state, progress=advance, on_look=keep)
            good = state.result()
    except DivergedError:
        _write(good, state, output, settings, report)
        raise
    _write(good, state, output, settings, report)
    checkpoint.unlink(missing_ok=True)
    return good.to("cpu")


def _write(scene: GaussianScene, state: FitState, output: Path, settings: FitSettings, report: Report) -> None:
    looks = [asdict(look) for look in state.looks]
    report.facts |= {"gaussians": len(scene), "iterations": state.iteration, "looks": looks}
    fitted = {"iterations": state.iteration, "model": settings.model, "from": dict(scene.provenance)}
    with report.stage("write scene"):
        write_scene(output, replace(scene.to("cpu"), provenance={"fit": fitted}))
