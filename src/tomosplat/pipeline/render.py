"""A scene in, pictures out: what ``tomosplat render`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.files.images import to_bytes
from tomosplat.files.scenes import read_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.options import Background, ViewOptions
from tomosplat.pipeline.pictures import BACKGROUNDS, Draw, write_pictures
from tomosplat.pipeline.relight import relightable, relit
from tomosplat.pipeline.views import check_outside, given_cameras, outline, placed_cameras, visible_labels
from tomosplat.render import Device, rasterize
from tomosplat.report import Report


def render_file(scene_path: Path, output: Path, options: ViewOptions, report: Report, device: Device = "cpu") -> int:
    """Splat a scene file to a PNG, an MP4 or a folder, by the name of ``output``; return the number of pictures.

    Organs that are shown alone are lit as if there were no others, if the scene keeps what that takes.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: The options contradict each other, or name organs that the scene does not have.
        OutputError: The result could not be written.
    """
    there = device_for(device, report)
    cameras = given_cameras(output, options)
    with report.stage("read scene"):
        scene = read_scene(scene_path)
    visible = visible_labels(scene, options.organs)
    if cameras is not None:
        check_outside(cameras, scene, visible)
    else:
        cameras = placed_cameras(output, options, outline(scene, visible))
    report.facts["gaussians"] = len(scene)
    if visible is not None:
        follows = relightable(scene)
        report.facts["light"] = "of the organs shown" if follows else "of the whole scene"
        if follows:
            with report.stage("relight"):
                scene = relit(scene, visible)
    return write_pictures(output, cameras, splatted(scene.to(there), visible, options.background), options.fps, report)


def splatted(scene: GaussianScene, visible: Sequence[int] | None, background: Background) -> Draw:
    """Draw by splatting, where the scene is."""

    def draw(camera: Cameras) -> NDArray[np.uint8]:
        return to_bytes(rasterize(scene, camera, visible=visible).rgba[0].cpu().numpy(), BACKGROUNDS[background])

    return draw
