"""What all fits of slices share: a model in, a scene file out; resumed after a kill, shown and saved on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tomosplat.errors import DivergedError
from tomosplat.files.atomic import make_folder, writing
from tomosplat.files.images import write_png
from tomosplat.report import Report
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.fit_states import fingerprint, load_state, save_state
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.gaussian_fit import SliceFitState, fit_model
from tomosplat.slices.gaussian_model import SliceModel
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.scene_files import write_slice_scene
from tomosplat.slices.targets import Sampler, SliceTarget

_RESUME = "resume.safetensors"


@dataclass(frozen=True)
class Saving:
    """What is written on the way.

    Attributes:
        folder: For the result, and for a fit that was killed to go on from.
        scene_of: The scene that a state means.
        preview: A PNG of a given slice, beside the truth.
        scenes_after: Steps after which the scene is kept.
        states_after: Steps after which the scene is kept, with everything that the fit needs to go on.
        look_after: Steps after which the PSNR is taken, beside the regular ones.
        places_every: Steps between files of the Gaussians' places in xyz/; 0: none.
        density: Adds and removes Gaussians after each step.
        first: Steps that the Gaussians have behind them, which checkpoints count too.
    """

    folder: Path
    scene_of: Callable[[SliceFitState], SliceScene | FoldedScene]
    preview: Path | None = None
    scenes_after: Collection[int] = ()
    states_after: Collection[int] = ()
    look_after: Collection[int] = ()
    places_every: int = 0
    density: Callable[[SliceFitState], None] | None = None
    first: int = 0


def checkpoint_path(folder: Path, iteration: int) -> Path:
    """Where the scene after so many steps is."""
    return folder / f"chkpnt{iteration}.safetensors"


def state_path(checkpoint: Path) -> Path:
    """Where the rest of a fit's state is, beside a scene."""
    return checkpoint.with_name(checkpoint.name.replace(".safetensors", ".state.safetensors"))


def run_fit(
    model: SliceModel,
    sampler: Sampler,
    given: Sequence[SliceTarget],
    settings: SliceFitSettings,
    saving: Saving,
    about: Mapping[str, Any],
    report: Report,
    state: SliceFitState | None = None,
) -> SliceScene | FoldedScene:
    """Fit, going on where a killed fit of the same kind stopped, and write the scene.

    Args:
        model: Where to begin.
        sampler: Chooses what each step shows.
        given: The given slices.
        settings: How to fit.
        saving: What is written on the way.
        about: What else the fit depends on: with the model and the settings it tells one fit from another.
        report: Told what was done.
        state: Go on from here, unless a killed fit went further.

    Raises:
        DivergedError: A value was no longer finite; the last good scene is written all the same.
        InputError: The folder holds the state of another fit.
        OutputError: A result could not be written.
    """
    resume, fit = saving.folder / _RESUME, fingerprint(model, settings, about)
    if resume.is_file():
        state = load_state(resume, model, settings, fit)
        report.history.append(f"went on from step {state.iteration} of a fit that had been stopped")
    # The parameters change under a state; a scene does not.
    good = saving.scene_of(state or SliceFitState.begin(model, settings))

    def keep(now: SliceFitState) -> None:
        nonlocal good
        good = saving.scene_of(now)
        save_state(resume, now, fit)
        if saving.preview is not None:
            _write_preview(saving.preview, now.model, given[len(given) // 2])

    def save(now: SliceFitState) -> None:
        if saving.density is not None:
            saving.density(now)
        n = now.iteration
        if n in saving.scenes_after or n in saving.states_after:
            write_slice_scene(checkpoint_path(saving.folder, saving.first + n), saving.scene_of(now))
        if n in saving.states_after:
            save_state(state_path(checkpoint_path(saving.folder, saving.first + n)), now, fit)
        if saving.places_every and (n % saving.places_every == 0 or n == settings.iterations):
            _write_places(saving.folder / "xyz", n, saving.scene_of(now))

    try:
        with report.stage("fit") as progress:
            state = fit_model(
                model,
                sampler,
                given,
                settings,
                state=state,
                progress=progress,
                on_look=keep,
                after_step=save,
                look_after=saving.look_after,
            )
    except DivergedError:
        write_slice_scene(saving.folder / "last_good.safetensors", good)
        raise
    good = saving.scene_of(state)
    looks = [asdict(look) for look in state.looks]
    report.facts |= {"gaussians": len(good), "iterations": state.iteration, "looks": looks}
    with report.stage("write scene"):
        write_slice_scene(checkpoint_path(saving.folder, saving.first + settings.iterations), good)
    resume.unlink(missing_ok=True)
    return good


def _write_preview(path: Path, model: SliceModel, target: SliceTarget) -> None:
    with torch.no_grad():
        shown = model.render([target.to(model.device)])[0].values[..., : target.image.shape[2]].cpu()
    both = torch.cat([target.image, shown], dim=1).clamp(0, 1).expand(-1, -1, 3)
    write_png(path, np.round(255 * both.numpy()).astype(np.uint8))


def _write_places(folder: Path, iteration: int, scene: SliceScene | FoldedScene) -> None:
    make_folder(folder)
    places = scene.ellipses[:, :2] if isinstance(scene, FoldedScene) else scene.means
    with writing(folder / f"{iteration}.npy") as temporary:
        np.save(temporary, places.detach().numpy())
