"""A scene and pictures of it in, a better scene out: what ``tomosplat finetune`` does."""

from __future__ import annotations

from pathlib import Path

from tomosplat.files.scenes import check_scene_name, read_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.fitting.given_views import read_views
from tomosplat.pipeline.fitting.options import FittingOptions, GivenViews
from tomosplat.pipeline.fitting.run import fit_and_write, fit_settings
from tomosplat.report import Report

_ITERATIONS = 300


def finetune_file(
    scene_path: Path, folder: Path, output: Path, given: GivenViews, options: FittingOptions, report: Report
) -> GaussianScene:
    """Fit a scene file to the pictures in a folder and write the result.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: The scene, the pictures or an option cannot be used, or they do not belong together.
        DivergedError: A value was no longer finite; the last good scene is written all the same.
        OutputError: The result could not be written.
    """
    check_scene_name(output)
    device = device_for(options.device, report)
    with report.stage("read scene"):
        scene = read_scene(scene_path)
    moves = bool(scene.gains.any())  # its means depend on the view direction: let them
    settings = fit_settings(options, iterations=_ITERATIONS, densify=False, model="6dgs" if moves else "3dgs")
    with report.stage("read views"):
        views, held_out = read_views(folder, given, device)
    return fit_and_write(scene, views, held_out, output, settings, options, device, report)
