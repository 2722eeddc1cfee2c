"""All the pictures of one call on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.features import best_lanes
from tomosplat.render.cpu.frame import Parameters, camera_row, draw
from tomosplat.render.cpu.layout import U8
from tomosplat.report import Progress


def render_views(
    scene: GaussianScene,
    cameras: Cameras,
    visible: U8,
    depth: bool,
    groups: U8,
    exact: bool,
    progress: Progress | None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Images, depths and coverages (see ``rasterize``)."""
    parameters = _parameters(scene)
    rgba = torch.empty(len(cameras), cameras.height, cameras.width, 4)
    for index in range(len(cameras)):
        draw(parameters, visible, camera_row(cameras, index), exact, best_lanes(), rgba[index].numpy())
        if progress:
            progress(index + 1, len(cameras))
    return rgba, None, None


def _parameters(scene: GaussianScene) -> Parameters:
    arrays = {
        name: tensor.detach().to(torch.uint8 if name == "labels" else torch.float32).contiguous().numpy()
        for name, tensor in scene.tensors().items()
    }
    return Parameters(**arrays, direction_weight=float(np.float32(scene.direction_weight)))
