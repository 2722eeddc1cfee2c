"""All the pictures of one call on the CPU, and autograd around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.constants import DRAWN
from tomosplat.render.cpu.backend import Lanes, best_lanes
from tomosplat.render.cpu.frame import Frame, Parameters, collect_frame, draw, draw_backward
from tomosplat.render.cpu.layout import U8
from tomosplat.render.projection import camera_row
from tomosplat.report import Progress


class Pictures(NamedTuple):
    """Images [C, H, W, 4], depths [C, H, W] and coverages [C, H, W, L]."""

    rgba: Tensor
    depth: Tensor
    coverage: Tensor

    @classmethod
    def empty(cls, cameras: Cameras, n_groups: int) -> Pictures:
        """Uninitialised pictures."""
        size = len(cameras), cameras.height, cameras.width
        return cls(torch.empty(*size, 4), torch.empty(*size), torch.empty(*size, n_groups))


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
    differentiable: bool
    progress: Progress | None

    def parameters(self, tensors: tuple[Tensor, ...]) -> Parameters:
        """The scene as the kernels take it, without a copy."""
        arrays: list[Any] = [tensor.detach().numpy() for tensor in (*tensors, self.labels)]
        return Parameters(self.direction_weight, *arrays)

    def draw(self, tensors: tuple[Tensor, ...]) -> tuple[Pictures, list[Frame]]:
        """Draw one picture after the other; the frames are what their backward passes need."""
        parameters = self.parameters(tensors)
        pictures = Pictures.empty(self.cameras, len(self.groups))
        frames = []
        for index in range(len(self.cameras)):
            camera = camera_row(self.cameras, index)
            frame = draw(parameters, self.visible, camera, self.exact, self.lanes, pictures.rgba[index].numpy())
            if self.depth or len(self.groups):
                depth, coverage = pictures.depth[index].numpy(), pictures.coverage[index].numpy()
                collect_frame(parameters, frame, self.groups, depth, coverage)
            if self.differentiable:
                frames.append(frame)
            if self.progress:
                self.progress(index + 1, len(self.cameras))
        return pictures, frames


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
    tensors = tuple(getattr(scene, name).to(torch.float32).contiguous() for name in DRAWN)
    views = Views(
        labels=scene.labels.contiguous(),
        direction_weight=float(np.float32(scene.direction_weight)),
        cameras=cameras,
        visible=visible,
        depth=depth,
        groups=groups,
        exact=exact,
        lanes=best_lanes() if lanes is None else lanes,
        differentiable=torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors),
        progress=progress,
    )
    if views.differentiable:
        pictures = Pictures(*_Splat.apply(views, *tensors))  # type: ignore[no-untyped-call]
    else:
        pictures, _ = views.draw(tensors)
    return pictures.rgba, pictures.depth if depth else None, pictures.coverage if len(groups) else None


class _Splat(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, views: Views, *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pictures, ctx.frames = views.draw(tensors)
        ctx.views = views
        ctx.save_for_backward(pictures.rgba, *tensors)
        ctx.mark_non_differentiable(pictures.depth, pictures.coverage)
        return pictures

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, rgba_gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        rgba, *tensors = ctx.saved_tensors
        parameters = ctx.views.parameters(tuple(tensors))
        new = torch.empty_like if ctx.frames else torch.zeros_like  # the first frame writes every value
        gradients = [new(tensor) for tensor in tensors]
        images, image_gradients = rgba.detach().numpy(), rgba_gradient.contiguous().numpy()
        arrays = [gradient.numpy() for gradient in gradients]
        for index, frame in enumerate(ctx.frames):
            draw_backward(
                parameters, frame, ctx.views.lanes, images[index], image_gradients[index], arrays, accumulate=index > 0
            )
        wanted = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return (None, *(gradient if needed else None for gradient, needed in wanted))
