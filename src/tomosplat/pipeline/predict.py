"""A scan file in, a predicted scene out: what ``tomosplat predict`` does."""

from __future__ import annotations

import math
from pathlib import Path

from tomosplat.errors import DependencyError, GeometryError, InputError
from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.feedforward.model import Model, load_model, shipped_path
from tomosplat.feedforward.predict import Said, ask, change
from tomosplat.files.scans import read_grid
from tomosplat.files.scenes import check_scene_name, write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.lighting import load_rig
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions, ScanOptions
from tomosplat.pipeline.prime import check_priming, prime_colored
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions, usual_transfer_functions
from tomosplat.render import Device
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import OpticalVolume, Unit

#: Voxel edges in mm that a scan may have for a network that knows bodies on grids of about 1.5 mm, and those grids'.
_SCAN_SPACINGS = (0.2, 10.0)
_WORKING_SPACINGS = (0.75, 4.0)


def predict_file(
    path: Path,
    output: Path,
    reading: ScanOptions,
    priming: PrimingOptions,
    predicting: PredictingOptions,
    report: Report,
    device: Device = "cpu",
) -> GaussianScene:
    """Predict the scene of a scan file and write it; ``device`` is where the network runs.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: The scan, its labels, the checkpoint or an option cannot be used; nothing is written.
        DependencyError: No checkpoint was given and none comes with the package.
        OutputError: The scene could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    check_scene_name(output)
    check_priming(priming)
    there = device_for(device, report)
    model = open_model(predicting.checkpoint)
    model.network.to(there)
    check_predicting(model, priming, predicting)
    functions = given_transfer_functions(reading.tf)
    visible = visible_ids(priming.organs)
    check_spacing(path, reading)
    prepared = prepare_scan(path, reading, report)
    functions = functions or usual_transfer_functions(prepared.volume)
    scene = predict_prepared(model, prepared, functions, visible, priming, predicting, report)
    with report.stage("write scene"):
        write_scene(output, scene)
    return scene


def check_predicting(model: Model, priming: PrimingOptions, predicting: PredictingOptions) -> None:
    """Refuse what can be refused before a scan is read.

    Raises:
        InputError: The priming is not what the model expects, or the memory is none.
    """
    check_light(model, priming)
    if not (math.isfinite(predicting.memory) and predicting.memory > 0):
        raise InputError(f"--memory must be a positive number of GB, got {predicting.memory}")


def open_model(checkpoint: Path | None) -> Model:
    """The checkpoint given, or the weights that come with the package.

    Raises:
        DependencyError: Neither is there.
        InputError: The checkpoint cannot be used.
    """
    path = checkpoint or shipped_path()
    if path is None:
        raise DependencyError("no weights come with this package; train some with tomosplat train, pass --checkpoint")
    return load_model(path)


def shipped_model_for(prepared: PreparedScan, priming: PrimingOptions) -> Model | None:
    """The weights that come with the package; None where there are none, or where they do not know such a scan."""
    path = shipped_path()
    low, high = _WORKING_SPACINGS
    spacing = prepared.volume.grid.spacing
    if path is None or prepared.volume.unit == "arbitrary" or spacing.min() < low or spacing.max() > high:
        return None
    model = load_model(path)
    return model if model.settings.light == priming.light else None


def predicted_if_known(
    prepared: PreparedScan,
    functions: TransferFunctions,
    visible: list[int] | None,
    priming: PrimingOptions,
    report: Report,
) -> GaussianScene | None:
    """The scene as the shipped network has it; None where ``shipped_model_for`` finds none.

    Raises:
        EmptySceneError: Nothing is visible.
        MemoryLimitError: The network would need more memory than it may use.
    """
    model = shipped_model_for(prepared, priming)
    if model is None:
        return None
    return predict_prepared(model, prepared, functions, visible, priming, PredictingOptions(), report)


def check_light(model: Model, priming: PrimingOptions) -> None:
    """Refuse priming that the model's offsets are not relative to.

    Raises:
        InputError: It is another kind.
    """
    if priming.light != model.settings.light:
        raise InputError(
            f"this checkpoint predicts over scenes primed with --light {model.settings.light}, "
            f"got --light {priming.light}"
        )


def predict_prepared(
    model: Model,
    prepared: PreparedScan,
    functions: TransferFunctions,
    visible: list[int] | None,
    priming: PrimingOptions,
    predicting: PredictingOptions,
    report: Report,
) -> GaussianScene:
    """Prime a prepared scan, lit for what is visible, and let the network change it.

    Raises:
        EmptySceneError: Nothing is visible.
        InputError: The model expects another kind of priming.
        UnitsError: The scan's values are in a unit of their own.
        MemoryLimitError: The network would need more memory than it may use.
    """
    optical, primed = prime_for_network(model, prepared, functions, visible, priming, report)
    said = ask_network(model, prepared.volume.unit, optical, primed, predicting, report)
    return changed_scene(primed, said, report)


def prime_for_network(
    model: Model,
    prepared: PreparedScan,
    functions: TransferFunctions,
    visible: list[int] | None,
    priming: PrimingOptions,
    report: Report,
) -> tuple[OpticalVolume, Primed]:
    """What the network is shown: the coloured scan, and the primed scene with its light.

    Raises:
        EmptySceneError: Nothing is visible.
        InputError: The model expects another kind of priming.
        UnitsError: The scan's values are in a unit of their own.
    """
    check_light(model, priming)
    model.scale_of(prepared.volume.unit)
    optical = color_scan(prepared, functions, visible, report)
    march = MarchedLight(optical, load_rig(priming.rig)) if priming.light == "march" else None
    scene = prime_colored(prepared, optical, march, functions, priming, report)
    places = places_of(optical.grid, scene.means.numpy())
    return optical, Primed(scene, places, *((march.radiance, march.features) if march else (None, None)))


def ask_network(
    model: Model, unit: Unit, optical: OpticalVolume, primed: Primed, predicting: PredictingOptions, report: Report
) -> Said:
    """What the network says of a primed scene, on the GPU if there is one.

    Raises:
        InputError: The model expects another kind of priming.
        MemoryLimitError: The network would need more memory than it may use.
    """
    with report.stage("predict") as progress:
        return ask(
            model.on_gpu_if_any(),
            optical,
            primed,
            unit=unit,
            tile=predicting.tile,
            memory=int(predicting.memory * 1e9),
            progress=progress,
        )


def changed_scene(primed: Primed, said: Said, report: Report) -> GaussianScene:
    """The primed scene as the network wants it; errors as ``change``."""
    predicted = change(primed, said)
    if predicted.n_dropped:
        report.history.append(f"{predicted.n_dropped:,} Gaussians that the network made too faint were left out")
    report.facts["gaussians"] = len(predicted.scene)
    report.facts["scene"] = dict(predicted.scene.provenance)
    return predicted.scene


def check_spacing(path: Path, reading: ScanOptions) -> None:
    """Refuse grids that the network does not know.

    Raises:
        GeometryError: The scan's voxels, or those of the working grid, are too small or too large.
    """
    low, high = _WORKING_SPACINGS
    if not low <= reading.spacing <= high:
        raise GeometryError(
            f"the network knows grids of {low:g} to {high:g} mm, got --spacing {reading.spacing:g}; "
            "tomosplat prime takes any"
        )
    edges = read_grid(path, series=reading.series).spacing
    low, high = _SCAN_SPACINGS
    if edges.min() < low or edges.max() > high:
        raise GeometryError(
            f"{path} has voxels of {'x'.join(f'{edge:.3g}' for edge in edges)} mm; the network knows bodies whose "
            f"voxels have edges of {low:g} to {high:g} mm; tomosplat prime takes any"
        )
