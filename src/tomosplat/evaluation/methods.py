"""Who makes scenes: each method is a small named thing, and a new one is an entry in ``METHODS``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tomosplat.anatomy import LABEL_NAMES
from tomosplat.errors import EmptySceneError, InputError
from tomosplat.evaluation.protocol import ChosenLook
from tomosplat.fitting import DensityControl, FitSettings, View, fit, load_checkpoint, save_checkpoint
from tomosplat.fitting.settings import Model
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.fitting.surface import surface_scene
from tomosplat.pipeline.options import LightMode, PredictingOptions, PrimingOptions, RigName
from tomosplat.pipeline.predict import open_model, predict_prepared
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.relight import relit
from tomosplat.pipeline.scan import PreparedScan, color_scan
from tomosplat.report import Progress, Report

#: What stands behind a method's name where its scene is fine-tuned.
FINETUNED = "+ft"
_LOOK_EVERY = 100


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a method that fits is given.

    Attributes:
        views: Pictures to fit to.
        iterations: Steps.
        seed: Of whatever is random.
        checkpoint: Where the fit may keep its state.
        progress: To be called now and then.
    """

    views: Sequence[View]
    iterations: int
    seed: int
    checkpoint: Path
    progress: Progress


@dataclass(frozen=True, eq=False)
class Task:
    """What a method is given.

    Attributes:
        prepared: The scan.
        look: What shall be shown of it.
        rig: The light.
        fitting: Without views unless the method ``fits``.
    """

    prepared: PreparedScan
    look: ChosenLook
    rig: RigName
    fitting: Fitting


@dataclass(frozen=True)
class Method:
    """A way from a prepared scan to a scene.

    Attributes:
        title: For tables.
        make: Makes the scene.
        fits: Whether it is given the fitting views.
        subsets_only: Whether it makes something of its own of subsets of the organs alone.
    """

    title: str
    make: Callable[[Task], GaussianScene]
    fits: bool = False
    subsets_only: bool = False


def finetune(scene: GaussianScene, fitting: Fitting) -> GaussianScene:
    """Fit a scene that is nearly there, as ``tomosplat finetune`` does; errors as ``fit``."""
    moves = bool(scene.gains.any())  # its means depend on the view direction: let them
    return _fitted(scene, fitting, model="6dgs" if moves else "3dgs", densify=False)


def _primed(light: LightMode) -> Callable[[Task], GaussianScene]:
    def make(task: Task) -> GaussianScene:
        return _prime(task, task.look.visible, light)

    return make


def _switched(task: Task) -> GaussianScene:
    visible = task.look.visible
    if visible is None:
        raise InputError("switching organs off needs a look that does not show all of them")
    scene = relit(_prime(task, None, "march"), visible)
    return replace(scene, provenance={**scene.provenance, "organs": _named(visible)})


def _predicted(task: Task) -> GaussianScene:
    visible = task.look.visible
    priming = PrimingOptions(rig=task.rig, organs=_named(visible))
    model = open_model(None)
    return predict_prepared(model, task.prepared, task.look.functions, visible, priming, PredictingOptions(), Report())


def _from_surface(task: Task) -> GaussianScene:
    optical = color_scan(task.prepared, task.look.functions, task.look.visible, Report())
    return _fitted(surface_scene(task.prepared, optical, task.fitting.seed), task.fitting, model="6dgs", densify=True)


def _from_priming(task: Task) -> GaussianScene:
    return _fitted(_prime(task, task.look.visible, "march"), task.fitting, model="6dgs", densify=True)


METHODS = MappingProxyType(
    {
        "plain": Method("plain priming (the papers')", _primed("none")),
        "march": Method("priming, light marched", _primed("march")),
        "bake": Method("priming, light baked", _primed("bake")),
        "switch": Method("marched for all organs, some switched off", _switched, subsets_only=True),
        "predict": Method("feed-forward: the network on marched priming", _predicted),
        "6dgs": Method("6DGS from marching cubes", _from_surface, fits=True),
        "6dgs+agp": Method("6DGS from marched priming", _from_priming, fits=True),
    }
)


def find_method(name: str) -> tuple[Method, bool]:
    """The method that a name stands for, and whether its scene is to be fine-tuned.

    Raises:
        InputError: There is none.
    """
    base = name.removesuffix(FINETUNED)
    if base not in METHODS:
        raise InputError(f"--methods {name}: expected {', '.join(METHODS)}, each alone or with {FINETUNED} behind it")
    return METHODS[base], base != name


def title_of(name: str) -> str:
    """What tables call a method; errors as ``find_method``."""
    method, finetuned = find_method(name)
    return f"{method.title}, fine-tuned" if finetuned else method.title


def method_place(name: str) -> tuple[int, bool]:
    """Sorts methods as ``METHODS`` does, those fine-tuned behind those not; errors as ``find_method``."""
    _, finetuned = find_method(name)
    return list(METHODS).index(name.removesuffix(FINETUNED)), finetuned


def _prime(task: Task, visible: list[int] | None, light: LightMode) -> GaussianScene:
    options = PrimingOptions(light=light, rig=task.rig, organs=_named(visible))
    return prime_prepared(task.prepared, task.look.functions, visible, options, Report())


def _named(visible: Sequence[int] | None) -> str | None:
    """What is shown, as ``--organs`` has it: the scene tells it to whoever compares it with the truth later."""
    return None if visible is None else ",".join(LABEL_NAMES[label] for label in visible)


def _fitted(scene: GaussianScene, fitting: Fitting, *, model: Model, densify: bool) -> GaussianScene:
    settings = FitSettings(
        iterations=fitting.iterations,
        model=model,
        density=DensityControl(densify=densify),
        evaluate_every=_LOOK_EVERY,
        seed=fitting.seed,
    )
    state = load_checkpoint(fitting.checkpoint, scene, settings) if fitting.checkpoint.is_file() else None
    fitted = fit(
        scene,
        fitting.views,
        settings,
        state=state,
        progress=fitting.progress,
        on_look=lambda now: save_checkpoint(fitting.checkpoint, now, settings),
    ).result()
    if len(fitted) == 0:
        raise EmptySceneError("the fit removed every Gaussian; more steps or a lower learning rate may help")
    return replace(fitted, provenance={"fit": {"iterations": fitting.iterations, "from": dict(scene.provenance)}})
