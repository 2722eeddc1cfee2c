"""All the pictures of one call on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.backend import Lanes, best_lanes
from tomosplat.render.cpu.frame import Frame, Parameters, collect_frame, draw, draw_backward
from tomosplat.render.cpu.layout import U8
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
    lanes: Lanes | None = None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Images, depths and coverages (see ``rasterize``); ``lanes`` chooses the kernels, by default the fastest."""
    chosen = best_lanes() if lanes is None else lanes
    collected = groups if depth or len(groups) else None
    painter = partial(_Painter, scene, cameras, visible, collected, exact, chosen)
    return draw_views(scene, cameras, depth, len(groups), progress, painter)


class _Painter(Painter):
    """Draws by the kernels for this processor; ``groups`` is None where neither depth nor coverage is wanted."""

    writes_first: ClassVar[bool] = True

    def __init__(
        self,
        scene: GaussianScene,
        cameras: Cameras,
        visible: U8,
        groups: U8 | None,
        exact: bool,
        lanes: Lanes,
        tensors: Sequence[Tensor],
    ) -> None:
        arrays: list[Any] = [tensor.numpy() for tensor in (*tensors, scene.labels.contiguous())]
        self._parameters = Parameters(float(np.float32(scene.direction_weight)), *arrays)
        self._cameras, self._visible, self._groups = cameras, visible, groups
        self._exact, self._lanes = exact, lanes

    def draw(self, index: int, pictures: Pictures) -> Frame:
        camera, image = camera_row(self._cameras, index), pictures.rgba[index].numpy()
        frame = draw(self._parameters, self._visible, camera, self._exact, self._lanes, image)
        if self._groups is not None:
            wanted = len(pictures.depth) > 0
            depth = pictures.depth[index].numpy() if wanted else np.empty(image.shape[:2], np.float32)
            collect_frame(self._parameters, frame, self._groups, depth, pictures.coverage[index].numpy())
        return frame

    def draw_backward(
        self, index: int, frame: Frame, image: Tensor, image_gradient: Tensor, gradients: Sequence[Tensor]
    ) -> None:
        arrays = [gradient.numpy() for gradient in gradients]
        pictures = image.numpy(), image_gradient.numpy()
        draw_backward(self._parameters, frame, self._lanes, *pictures, arrays, accumulate=index > 0)
