"""A scan in, a fitted scene out: what ``tomosplat fit`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tomosplat.errors import InputError
from tomosplat.files.scenes import check_scene_name
from tomosplat.fitting.settings import Model
from tomosplat.gaussians import GaussianScene
from tomosplat.lighting import load_rig
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.fitting.given_views import read_views
from tomosplat.pipeline.fitting.options import FittingOptions, GivenViews, TracedViews
from tomosplat.pipeline.fitting.run import fit_and_write, fit_settings
from tomosplat.pipeline.fitting.surface import surface_scene
from tomosplat.pipeline.fitting.traced_views import Tracer, can_denoise, chosen_cameras
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions, ScanOptions
from tomosplat.pipeline.predict import check_light, open_model, predict_prepared
from tomosplat.pipeline.prime import check_priming, prime_prepared
from tomosplat.pipeline.scan import color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions, usual_transfer_functions
from tomosplat.report import Report

Init = Literal["agp", "predict", "marching-cubes"]
#: Steps: a primed scene is nearly there, a grey surface is not.
_ITERATIONS = {"agp": 300, "predict": 300, "marching-cubes": 2000}


def fit_file(
    path: Path,
    output: Path,
    init: Init,
    folder: Path | None,
    reading: ScanOptions,
    priming: PrimingOptions,
    given: GivenViews,
    traced: TracedViews,
    options: FittingOptions,
    report: Report,
) -> GaussianScene:
    """Fit a scan file to pictures, given or traced on the fly, and write the scene.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: The scan, the pictures or an option cannot be used, or they do not belong together.
        DependencyError: It shall begin with a prediction, and no weights come with the package.
        DivergedError: A value was no longer finite; the last good scene is written all the same.
        OutputError: The result could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    check_scene_name(output)
    device = device_for(options.device, report)
    check_priming(priming)
    network = open_model(None) if init == "predict" else None
    if network is not None:
        check_light(network, priming)
    from_surface = init == "marching-cubes"
    model: Model = "6dgs" if from_surface else "3dgs"
    settings = fit_settings(options, iterations=_ITERATIONS[init], densify=from_surface, model=model)
    functions, visible, rig = given_transfer_functions(reading.tf), visible_ids(priming.organs), load_rig(priming.rig)
    if min(traced.samples, traced.size) < 1 or traced.n_views < 2:
        raise InputError("--samples and --size must be at least 1 and --n-views at least 2")
    views = read_views(folder, given, device) if folder is not None else None

    prepared = prepare_scan(path, reading, report)
    functions = functions or usual_transfer_functions(prepared.volume)
    optical = color_scan(prepared, functions, visible, report)
    if from_surface:
        with report.stage("marching cubes"):
            scene = surface_scene(prepared, optical, options.seed)
    elif network is not None:
        scene = predict_prepared(network, prepared, functions, visible, priming, PredictingOptions(), report)
    else:
        scene = prime_prepared(prepared, functions, visible, priming, report)
    if views is not None:
        return fit_and_write(scene, *views, output, settings, options, device, report)

    with report.stage("choose views"):
        cameras = chosen_cameras(scene, optical, traced)
    clean = can_denoise() and not traced.raw
    with Tracer(optical, rig, cameras, traced, options.seed, clean=clean) as tracer:
        with report.stage("trace first views"):
            tracer.wait_for(2)
        fitted = fit_and_write(scene, tracer.views, (), output, settings, options, device, report, tracer.keep_pace)
    report.facts["traced"] = {"views": len(tracer.views), "samples_per_pixel": tracer.samples, "denoised": clean}
    return fitted
