"""All the pictures of one call on the CPU, and autograd around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.backend import Lanes, best_lanes
from tomosplat.render.cpu.frame import Frame, Parameters, camera_row, draw, draw_backward
from tomosplat.render.cpu.layout import U8
from tomosplat.report import Progress


@dataclass(frozen=True)
class Views:
    """Everything about the pictures that is not differentiable."""

    labels: Tensor
    direction_weight: float
    cameras: Cameras
    visible: U8
    depth: bool
    groups: U8
    exact: bool
    lanes: Lanes
    progress: Progress | None

    def parameters(self, tensors: tuple[Tensor, ...]) -> Parameters:
        """The scene as the kernels take it, without a copy."""
        arrays: list[Any] = [tensor.detach().numpy() for tensor in (*tensors, self.labels)]
        return Parameters(self.direction_weight, *arrays)

    def draw(self, tensors: tuple[Tensor, ...], rgba: Tensor) -> Iterator[Frame]:
        """Draw one picture after the other into rgba [C, H, W, 4]."""
        parameters = self.parameters(tensors)
        for index in range(len(self.cameras)):
            camera = camera_row(self.cameras, index)
            yield draw(parameters, self.visible, camera, self.exact, self.lanes, rgba[index].numpy())
            if self.progress:
                self.progress(index + 1, len(self.cameras))


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
    lanes = best_lanes() if lanes is None else lanes
    weight = float(np.float32(scene.direction_weight))
    labels = scene.labels.contiguous()
    views = Views(labels, weight, cameras, visible, depth, groups, exact, lanes, progress)
    tensors = tuple(
        tensor.to(torch.float32).contiguous() for name, tensor in scene.tensors().items() if name != "labels"
    )
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _Splat.apply(views, *tensors), None, None  # type: ignore[no-untyped-call]
    rgba = _empty_images(cameras)
    for _ in views.draw(tensors, rgba):
        pass
    return rgba, None, None


class _Splat(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, views: Views, *tensors: Tensor) -> Tensor:
        rgba = _empty_images(views.cameras)
        ctx.views, ctx.frames = views, list(views.draw(tensors, rgba))
        ctx.save_for_backward(rgba, *tensors)
        return rgba

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, rgba_gradient: Tensor) -> tuple[Tensor | None, ...]:
        rgba, *tensors = ctx.saved_tensors
        parameters = ctx.views.parameters(tuple(tensors))
        gradients = [torch.empty_like(tensor) for tensor in tensors]
        images, image_gradients = rgba.detach().numpy(), rgba_gradient.contiguous().numpy()
        arrays = [gradient.numpy() for gradient in gradients]
        for index, frame in enumerate(ctx.frames):
            draw_backward(
                parameters, frame, ctx.views.lanes, images[index], image_gradients[index], arrays, accumulate=index > 0
            )
        wanted = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return (None, *(gradient if needed else None for gradient, needed in wanted))


def _empty_images(cameras: Cameras) -> Tensor:
    return torch.empty(len(cameras), cameras.height, cameras.width, 4)
