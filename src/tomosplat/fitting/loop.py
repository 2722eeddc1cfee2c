"""The loop behind every per-scan fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError, UnitsError
from tomosplat.fitting.density import Density, camera_extent, control_density
from tomosplat.fitting.gaussians import FittedGaussians
from tomosplat.fitting.losses import picture_loss
from tomosplat.fitting.parameters import columns
from tomosplat.fitting.settings import FitSettings
from tomosplat.fitting.views import View, check_views
from tomosplat.gaussians import GaussianScene
from tomosplat.metrics import psnr
from tomosplat.render import rasterize
from tomosplat.report import Progress

#: What the learning rates in mm are meant for: the standard deviation of a Gaussian of 3 mm blocks.
_REFERENCE_SCALE_MM = 1.5
#: Training views whose PSNR a look takes.
_TRAIN_VIEWS = 4


@dataclass(frozen=True)
class Look:
    """What a look at the views showed.

    Attributes:
        iteration: After so many steps.
        gaussians: How many there are.
        loss: Mean loss of the steps since the last look; NaN before the first step.
        train_psnr: Mean PSNR in dB of some training views.
        held_out_psnr: Mean PSNR in dB of the held-out views; NaN without any.
    """

    iteration: int
    gaussians: int
    loss: float
    train_psnr: float
    held_out_psnr: float


@dataclass
class FitState:
    """Everything that a fit needs to go on, to the bit.

    Attributes:
        gaussians: What is being fitted.
        density: What density control has gathered.
        rng: Chooses views and places.
        iteration: Steps taken.
        deck: Views still to be shown before all are shuffled again.
        losses: Loss of each step since the last look.
        looks: All looks so far.
        best: Held-out PSNR, rows and origins of the best look; None without held-out views.
    """

    gaussians: FittedGaussians
    density: Density
    rng: np.random.Generator
    iteration: int = 0
    deck: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    best: tuple[float, Tensor, Tensor] | None = None

    @classmethod
    def begin(cls, scene: GaussianScene, settings: FitSettings) -> FitState:
        """The state before the first step."""
        gaussians = FittedGaussians.of(scene, settings.model)
        return cls(gaussians, Density.zeros(len(gaussians), scene.means.device), np.random.default_rng(settings.seed))

    def result(self) -> GaussianScene:
        """The best scene so far: by the held-out views where there are any, else the last."""
        if self.best is None:
            return self.gaussians.scene()
        _, rows, origin = self.best
        return self.gaussians.scene_of(rows, origin)


#: Called after every look with the state.
OnLook = Callable[[FitState], None]


def fit(
    scene: GaussianScene,
    views: Sequence[View],
    settings: FitSettings,
    *,
    held_out: Sequence[View] = (),
    state: FitState | None = None,
    progress: Progress | None = None,
    on_look: OnLook | None = None,
) -> FitState:
    """Fit a scene to pictures of it: Adam on one view at a time, density control, early stop.

    On the CPU it runs to the same bits for the same arguments on the same number of threads, also when it goes on from
    a ``state``.

    Args:
        scene: Where to begin, float32; its labels, values and light are kept. The fit runs where it is, on the CPU or
            on a GPU.
        views: The pictures, best on the scene's device: elsewhere, each is moved whenever it is shown. There may come
            more while the fit runs, new ones are shown from the next shuffle on.
        settings: How to fit.
        held_out: Views that are never fitted: the best look at them is the result, and the fit stops once they only
            get worse.
        state: Go on from here.
        progress: Called after each step.
        on_look: Called at each look: before the first step, then every ``settings.evaluate_every`` and after the last.

    Returns:
        The state after the last step; its ``result()`` is the scene.

    Raises:
        InputError: The views do not show the scene, or are fewer than two.
        DivergedError: A value was no longer finite; the message names the parameter. ``state.result()`` of the last
            look is the last good scene.
    """
    check_views(scene, views)
    if state is None:
        state = FitState.begin(scene, settings)
    if not state.looks:
        _look(state, views, held_out, on_look)
    # A fit that goes on may find fewer views than it knew: those traced on the fly come one by one.
    state.deck = [index for index in state.deck if index < len(views)]
    scale, extent = _typical_scale(scene), camera_extent(views)
    while state.iteration < settings.iterations and not _only_got_worse(state, settings.patience):
        take_step(state, views, settings, scale)
        control_density(state.gaussians, state.density, state.iteration, settings, extent, state.rng)
        if progress:
            progress(state.iteration, settings.iterations)
        if state.iteration % settings.evaluate_every == 0 or state.iteration == settings.iterations:
            state.gaussians.check_finite()
            _look(state, views, held_out, on_look)
    return state


def take_step(state: FitState, views: Sequence[View], settings: FitSettings, scale: float) -> None:
    """Show one view and take Adam's step; rates in mm are for Gaussians of ``scale`` mm. Errors as ``fit``."""
    if not state.deck:
        state.deck = state.rng.permutation(len(views)).tolist()
    view = views[state.deck.pop()].to(state.gaussians.rows.device)
    leaves = state.gaussians.leaf_scene()
    try:
        rgba = rasterize(leaves, view.camera).rgba[0]
    except UnitsError as error:
        raise state.gaussians.diverged(leaves) from error
    loss = picture_loss(rgba, view, settings)
    if not bool(loss.isfinite()):
        state.gaussians.check_finite()
        raise DivergedError(f"the loss is not finite after {state.iteration} steps; a lower learning rate helps")
    loss.backward()
    with torch.no_grad():
        state.losses.append(float(loss))
        if settings.density.densify:
            state.density.gather(leaves, view.camera)
        state.gaussians.step(leaves, rates_now(settings, state.iteration, scale).to(leaves.means.device))
    state.iteration += 1


def rates_now(settings: FitSettings, iteration: int, scale: float) -> Tensor:
    """Learning rate of each column [P] at an iteration; those in mm are for Gaussians of ``scale`` mm."""
    factor = settings.learning_rate * settings.decay ** (iteration / max(settings.iterations, 1))
    rates = []
    for name, width in columns(settings.model).items():
        in_mm = scale / _REFERENCE_SCALE_MM if name in ("means", "gains") else 1.0
        rates += width * [getattr(settings.rates, name) * factor * in_mm]
    return torch.tensor(rates, dtype=torch.float32)


def _typical_scale(scene: GaussianScene) -> float:
    """Median standard deviation of the scene's Gaussians in mm."""
    variances = scene.covs[:, (0, 3, 5)].mean(dim=1)
    return float(variances.median().sqrt())


def _look(state: FitState, views: Sequence[View], held_out: Sequence[View], on_look: OnLook | None) -> None:
    loss = float(np.mean(state.losses)) if state.losses else float("nan")
    leaves = state.gaussians.leaf_scene()
    train = mean_psnr(leaves, views[:: max(1, len(views) // _TRAIN_VIEWS)])
    test = mean_psnr(leaves, held_out)
    state.looks.append(Look(state.iteration, len(state.gaussians), loss, train, test))
    state.losses = []
    if held_out and (state.best is None or test > state.best[0]):
        state.best = (test, state.gaussians.rows.clone(), state.gaussians.origin.clone())
    if on_look:
        on_look(state)


@torch.no_grad()
def mean_psnr(scene: GaussianScene, views: Sequence[View]) -> float:
    """Mean PSNR over views in dB, over black; NaN without any."""
    if not views:
        return float("nan")
    shown = (view.to(scene.means.device) for view in views)
    values = [
        float(psnr(rasterize(scene, view.camera).rgba[0, ..., :3], view.rgba[..., :3], view.mask)) for view in shown
    ]
    return float(np.mean(values))


def _only_got_worse(state: FitState, patience: int) -> bool:
    if state.best is None:
        return False
    last = [look.held_out_psnr for look in state.looks[-patience:]]
    return len(state.looks) > patience and max(last) < state.best[0]
