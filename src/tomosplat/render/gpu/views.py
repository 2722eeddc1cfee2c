"""All the pictures of one call on the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.layout import U8
from tomosplat.render.gpu.frame import Frame, Parameters, collect_frame, draw, draw_backward
from tomosplat.render.projection import camera_row
from tomosplat.render.views import Painter, Pictures, draw_views
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
    """Images, depths and coverages (see ``rasterize``) on the scene's device."""
    return draw_views(
        scene, cameras, depth, len(groups), progress, partial(_Painter, scene, cameras, visible, groups, exact)
    )


class _Painter(Painter):
    """Draws by the kernels for GPUs."""

    def __init__(
        self,
        scene: GaussianScene,
        cameras: Cameras,
        visible: U8,
        groups: U8,
        exact: bool,
        tensors: Sequence[Tensor],
    ) -> None:
        self._device = scene.labels.device
        self._parameters = Parameters(scene.direction_weight, tuple(tensors), scene.labels.contiguous())
        self._cameras, self._exact = cameras, exact
        self._visible, self._groups = (torch.from_numpy(table).to(self._device) for table in (visible, groups))

    def draw(self, index: int, pictures: Pictures) -> Frame:
        camera = torch.from_numpy(camera_row(self._cameras, index)).to(self._device)
        frame = draw(self._parameters, self._visible, camera, self._exact, pictures.rgba[index])
        depth = pictures.depth[index] if len(pictures.depth) else None
        coverage = pictures.coverage[index] if len(self._groups) else None
        collect_frame(self._parameters, frame, self._groups, depth, coverage)
        return frame

    def draw_backward(
        self, index: int, frame: Frame, image: Tensor, image_gradient: Tensor, gradients: Sequence[Tensor]
    ) -> None:
        draw_backward(self._parameters, frame, image, image_gradient, gradients)
