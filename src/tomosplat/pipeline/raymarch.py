"""A scan in, ray-marched pictures out: what ``tomosplat raymarch`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.files.images import to_bytes
from tomosplat.geometry import Cameras
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.options import MarchOptions, ScanOptions, ViewOptions
from tomosplat.pipeline.pathtrace import clip_planes
from tomosplat.pipeline.pictures import BACKGROUNDS, write_pictures
from tomosplat.pipeline.scan import color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions, usual_transfer_functions
from tomosplat.pipeline.views import given_cameras, optical_outline, placed_cameras
from tomosplat.render import Raymarcher, RaymarchSettings, Shading
from tomosplat.report import Report


def raymarch_file(
    path: Path, output: Path, reading: ScanOptions, marching: MarchOptions, view: ViewOptions, report: Report
) -> int:
    """Ray-march a scan file to a PNG, an MP4 or a folder, by the name of ``output``; return the number of pictures.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: The scan or an option cannot be used.
        OutputError: The result could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    device = device_for(marching.device, report)
    functions = given_transfer_functions(reading.tf)
    visible = visible_ids(view.organs)
    cameras = given_cameras(output, view)
    settings = RaymarchSettings(
        step_mm=marching.step,
        mode=marching.mode,
        classification=marching.classification,
        shading=None if marching.flat else Shading(),
        clip=clip_planes(marching.clip),
        visible=visible,
        window=marching.window,
    )
    prepared = prepare_scan(path, reading, report)
    functions = functions or usual_transfer_functions(prepared.volume)
    if cameras is None:
        optical = color_scan(prepared, functions, visible, report)
        cameras = placed_cameras(output, view, optical_outline(optical))

    marcher = Raymarcher(prepared.volume, prepared.labels, functions, GROUP_OF_LABEL, settings=settings, device=device)

    def draw(camera: Cameras) -> NDArray[np.uint8]:
        picture = marcher.draw(camera)
        return to_bytes(picture.rgba[0].cpu().numpy(), BACKGROUNDS[view.background])

    return write_pictures(output, cameras, draw, view.fps, report)
