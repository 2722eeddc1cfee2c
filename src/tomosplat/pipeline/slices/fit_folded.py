"""Numbered frames in, folded Gaussians out: MedGS's training program, option by option."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tomosplat.errors import FileFormatError, InputError
from tomosplat.files.atomic import make_folder
from tomosplat.files.frames import Frames, check_same_frames, read_frames, read_mask_frames
from tomosplat.geometry import SlicePlane
from tomosplat.pipeline.slices.fitting import Saving, checkpoint_path, run_fit, state_path
from tomosplat.pipeline.slices.options import FoldedOptions, SliceFitOptions
from tomosplat.report import Report
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.fit_states import load_state
from tomosplat.slices.flow import blend_along_motion, find_motion
from tomosplat.slices.folded_density import FoldedDensity
from tomosplat.slices.folded_model import (
    ADDITIVE_RATES,
    FoldedModel,
    grid_folded,
    masks_at,
    neighbouring_frames,
    published_rates,
    random_folded,
)
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.gaps import CROSSFADE_WEIGHT
from tomosplat.slices.gaussian_fit import SliceFitState
from tomosplat.slices.scene_files import read_slice_scene
from tomosplat.slices.targets import Sampler, SliceTarget

#: Steps of our form and of the published one.
_ITERATIONS, _PUBLISHED_ITERATIONS = 800, 30_000
_PUBLISHED_GAUSSIANS = 100_000
_PLACES_EVERY = 5000


def fit_folded(
    source: Path, output: Path, options: SliceFitOptions, folded: FoldedOptions, gap: str, report: Report
) -> Path:
    """Fit and write; return the scene's file. Errors as ``fit_slice_files``."""
    heads = {"img": ("image",), "seg": ("mask",), "joint": ("image", "mask")}[folded.pipeline]
    _check(folded)
    with report.stage("read frames"):
        frames, masks = _read(source, folded)
        report.history += frames.history
    targets = frame_targets(frames, masks if folded.pipeline == "joint" else None)
    settings = _settings(options, folded)
    with report.stage("seed Gaussians"):
        model = _begin(targets, heads, frames, options, folded, settings)
    make_folder(output)
    state = _state_of(folded, model, settings)
    about = {"method": "folded", "gap": gap, "pipeline": folded.pipeline, "heads_only": folded.seg_head_only}
    saving = Saving(
        output,
        lambda state: _scene(model, state, about),
        preview=options.preview,
        scenes_after=folded.save_iterations,
        states_after=folded.checkpoint_iterations,
        look_after=folded.test_iterations,
        places_every=_PLACES_EVERY if folded.save_xyz else 0,
        density=FoldedDensity(model, settings.iterations) if model.exact and not folded.seg_head_only else None,
        first=0 if state is not None else _number_of(folded.start_checkpoint),
    )
    # A grey behind transparent frames is drawn anew at every step.
    between = _motion_frames(targets) if gap == "motion" else []
    crossfades = CROSSFADE_WEIGHT if gap == "crossfade" and folded.pipeline != "seg" else 0.0
    sampler = neighbouring_frames(targets, folded.batch_size, crossfades, between)
    if folded.random_background and frames.alpha is not None:
        sampler = _over_random_grey(sampler, targets, frames)
    elif folded.random_background:
        report.history.append("no frame is transparent: there is no background to draw")
    run_fit(model, sampler, targets, settings, saving, {**about, "source": source.name}, report, state)
    return checkpoint_path(output, saving.first + settings.iterations)


def frame_targets(frames: Frames, masks: Frames | None) -> list[SliceTarget]:
    """Frames at times 0, 1, 2, ..., in pixels; masks as what is fitted beside them."""
    height, width = frames.values.shape[1:3]
    plane = SlicePlane(np.eye(4), height, width)
    images = torch.from_numpy(frames.values)
    if frames.alpha is not None:
        images = images * torch.from_numpy(frames.alpha)[..., None]  # over black
    semantic = [None] * len(frames) if masks is None else list(torch.from_numpy(masks.values))
    return [SliceTarget(plane, images[n], semantic[n], time=float(n)) for n in range(len(frames))]


def _check(folded: FoldedOptions) -> None:
    """Refuse what contradicts itself before anything is read."""
    if folded.pipeline == "joint" and folded.seg_source_path is None:
        raise InputError("--pipeline joint needs the masks: --seg-source-path FOLDER")
    if folded.pipeline != "joint" and folded.seg_source_path is not None:
        raise InputError(
            f"--seg-source-path goes with --pipeline joint; with {folded.pipeline} the source is all there is"
        )
    if folded.seg_head_only and folded.pipeline != "seg":
        raise InputError(f"--seg-head-only goes with --pipeline seg, not {folded.pipeline}")
    if folded.seg_head_only and folded.start_checkpoint is None:
        raise InputError("--seg-head-only refines a fit: give it with --start-checkpoint")
    if folded.batch_size < 1 or folded.poly_degree < 1:
        raise InputError(
            f"--batch-size and --poly-degree must be at least 1, got {folded.batch_size} and {folded.poly_degree}"
        )
    if min(folded.lambda_img, folded.lambda_seg) < 0:
        raise InputError("--lambda-img and --lambda-seg must be at least 0")


def _read(source: Path, folded: FoldedOptions) -> tuple[Frames, Frames | None]:
    if folded.pipeline == "seg":
        return read_mask_frames(source), None
    frames = read_frames(source)
    masks = None
    if folded.pipeline == "joint" and folded.seg_source_path is not None:
        masks = read_mask_frames(folded.seg_source_path)
        check_same_frames(frames, masks)
    return frames, masks


def _settings(options: SliceFitOptions, folded: FoldedOptions) -> SliceFitSettings:
    published = options.as_published
    steps = _PUBLISHED_ITERATIONS if published else _ITERATIONS
    iterations = options.iterations if options.iterations is not None else steps
    joint = folded.pipeline == "joint"
    l1, dissimilarity = (2.0, 0.25) if published else (1.0, 0.2)
    if folded.pipeline == "seg":
        dissimilarity = 0.0
    image = folded.lambda_img if joint else 1.0
    return SliceFitSettings(
        iterations=iterations,
        l1_weight=l1 * image,
        ssim_weight=dissimilarity * image,
        semantic_weight=l1 * folded.lambda_seg,
        learning_rate=options.learning_rate,
        pitch=options.pitch,
        seed=options.seed,
        flat=1.0 if published else 0.3,
        evaluate_every=max(1, iterations // 10),
    )


def _begin(
    targets: list[SliceTarget],
    heads: tuple[str, ...],
    frames: Frames,
    options: SliceFitOptions,
    folded: FoldedOptions,
    settings: SliceFitSettings,
) -> FoldedModel:
    height, width, channels = frames.values.shape[1:]
    n = len(frames)
    if folded.start_checkpoint is not None:
        scene = _started(folded.start_checkpoint, targets, heads)
    elif options.as_published:
        scene = random_folded(
            (height, width), n, channels, folded.poly_degree, heads, _PUBLISHED_GAUSSIANS, options.seed
        )
    else:
        scene = grid_folded(targets, folded.poly_degree, heads, settings.pitch, settings.most)
    rates = published_rates(width, n) if scene.exact else ADDITIVE_RATES
    model = FoldedModel(scene, heads, rates, float(n) if scene.exact else 1.0, frozen=folded.seg_head_only)
    if scene.exact:
        model.span_weight = 0.5 if folded.pipeline == "seg" else 0.25
    return model


def _started(path: Path, targets: list[SliceTarget], heads: tuple[str, ...]) -> FoldedScene:
    """The scene of a checkpoint, with the heads that are fitted: what it lacks begins as what it has."""
    scene = read_slice_scene(path)
    if not isinstance(scene, FoldedScene):
        raise FileFormatError(f"{path} holds another kind of fit; the folded method goes on from its own")
    size = targets[0].plane.height, targets[0].plane.width
    if scene.size != size or scene.n_frames != len(targets):
        raise InputError(
            f"{path} was fitted to {scene.n_frames} frames of {scene.size[1]}x{scene.size[0]} pixels, these are "
            f"{len(targets)} of {size[1]}x{size[0]}"
        )
    if "mask" in heads and scene.mask_head is None and scene.image_head is not None:
        # MedGS copies the image's head; the masks themselves are nearer to what is wanted.
        masks = masks_at(targets, scene.ellipses[:, :2], scene.times)
        scene = replace(scene, mask_head=torch.cat([scene.image_head[:, :1], masks], dim=1))
    if "image" in heads and scene.image_head is None and scene.mask_head is not None:
        channels = targets[0].image.shape[2]
        head = scene.mask_head
        scene = replace(scene, image_head=torch.cat([head[:, :1], head[:, 1:].expand(-1, channels)], dim=1))
    return scene


def _state_of(folded: FoldedOptions, model: FoldedModel, settings: SliceFitSettings) -> SliceFitState | None:
    """The optimiser's state beside a checkpoint, if the same heads go on being fitted."""
    if folded.start_checkpoint is None or folded.seg_head_only:
        return None
    path = state_path(folded.start_checkpoint)
    if not path.is_file():
        return None
    scene = read_slice_scene(folded.start_checkpoint)
    if not isinstance(scene, FoldedScene) or any(scene.head(name) is None for name in model.heads):
        return None
    return load_state(path, model, settings, None)


def _number_of(checkpoint: Path | None) -> int:
    """The steps that a checkpoint's name tells; what begins with its Gaussians alone counts on from there."""
    number = re.search(r"(\d+)", checkpoint.name) if checkpoint is not None else None
    return int(number.group(1)) if number else 0


def _scene(model: FoldedModel, state: SliceFitState, about: dict[str, object]) -> FoldedScene:
    made = {"iterations": state.iteration, "gaussians": len(model.times), **about}
    with torch.no_grad():
        scene = model.scene(provenance={"slice_fit": made})
        return scene.select(torch.arange(len(scene)))


def _motion_frames(targets: list[SliceTarget]) -> list[SliceTarget]:
    """What lies half-way between frames, carried along the motion; grey frames only."""
    if targets[0].image.shape[2] != 1:
        raise InputError("--gap motion follows grey frames, these are coloured; use --gap crossfade")
    stack = torch.stack([t.image[..., 0] for t in targets]).numpy()
    times = np.arange(len(stack), dtype=np.float64)
    at = np.concatenate([times[:-1] + share for share in (0.25, 0.5, 0.75)])
    before, share = at.astype(int), (at % 1)[:, None, None].astype(np.float32)
    linear = (1 - share) * stack[before] + share * stack[before + 1]
    carried = blend_along_motion(stack, times, at, find_motion(stack), linear)
    return [
        SliceTarget(targets[0].plane, torch.from_numpy(picture.astype(np.float32))[..., None], None, 0.5, float(t))
        for picture, t in zip(carried, at, strict=True)
    ]


def _over_random_grey(sampler: Sampler, targets: list[SliceTarget], frames: Frames) -> Sampler:
    """The same targets over another grey at every step."""
    alphas = torch.from_numpy(frames.alpha)

    def choose(rng: np.random.Generator, done: float) -> tuple[list[SliceTarget], list[SliceTarget]]:
        given, between = sampler(rng, done)
        grey = float(rng.uniform())
        return [_over(t, alphas, grey) for t in given], [_over(t, alphas, grey) for t in between]

    return choose


def _over(target: SliceTarget, alphas: torch.Tensor, grey: float) -> SliceTarget:
    before = min(int(target.time), len(alphas) - 2)
    share = target.time - before
    alpha = (1 - share) * alphas[before] + share * alphas[before + 1]
    return replace(target, image=target.image + grey * (1 - alpha)[..., None], background=grey)
