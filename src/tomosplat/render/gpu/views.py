"""All the pictures of one call on the GPU, and autograd around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.constants import DRAWN
from tomosplat.render.gpu.frame import Frame, Parameters, collect_frame, draw, draw_backward
from tomosplat.render.projection import camera_row
from tomosplat.report import Progress


class Pictures(NamedTuple):
    """Images [C, H, W, 4], depths [C, H, W] and coverages [C, H, W, L]."""

    rgba: Tensor
    depth: Tensor
    coverage: Tensor


@dataclass(frozen=True)
class Views:
    """Everything about the pictures that is not differentiable."""

    labels: Tensor
    direction_weight: float
    cameras: Cameras
    visible: Tensor
    depth: bool
    groups: Tensor
    exact: bool
    differentiable: bool
    progress: Progress | None

    def parameters(self, tensors: tuple[Tensor, ...]) -> Parameters:
        """The scene as the kernels take it, without a copy."""
        return Parameters(self.direction_weight, tuple(tensor.detach() for tensor in tensors), self.labels)

    def draw(self, tensors: tuple[Tensor, ...]) -> tuple[Pictures, list[Frame]]:
        """Draw one picture after the other; the frames are what their backward passes need."""
        parameters, device = self.parameters(tensors), self.labels.device
        size = len(self.cameras), self.cameras.height, self.cameras.width
        pictures = Pictures(
            torch.empty(*size, 4, device=device),
            torch.empty(*size if self.depth else (0,), device=device),
            torch.empty(*size, len(self.groups), device=device),
        )
        frames = []
        for index in range(len(self.cameras)):
            camera = torch.from_numpy(camera_row(self.cameras, index)).to(device)
            frame = draw(parameters, self.visible, camera, self.exact, pictures.rgba[index])
            depth = pictures.depth[index] if self.depth else None
            coverage = pictures.coverage[index] if len(self.groups) else None
            collect_frame(parameters, frame, self.groups, depth, coverage)
            if self.differentiable:
                frames.append(frame)
            if self.progress:
                self.progress(index + 1, len(self.cameras))
        return pictures, frames


def render_views(
    scene: GaussianScene,
    cameras: Cameras,
    visible: NDArray[Any],
    depth: bool,
    groups: NDArray[Any],
    exact: bool,
    progress: Progress | None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Images, depths and coverages (see ``rasterize``) on the scene's device."""
    tensors = tuple(getattr(scene, name).to(torch.float32).contiguous() for name in DRAWN)
    device = scene.labels.device
    views = Views(
        labels=scene.labels.contiguous(),
        direction_weight=scene.direction_weight,
        cameras=cameras,
        visible=torch.from_numpy(visible).to(device),
        depth=depth,
        groups=torch.from_numpy(groups).to(device),
        exact=exact,
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
        gradients = [torch.zeros_like(tensor) for tensor in tensors]
        image_gradient = rgba_gradient.contiguous()
        for index, frame in enumerate(ctx.frames):
            draw_backward(parameters, frame, rgba[index].detach(), image_gradient[index], gradients)
        wanted = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return (None, *(gradient if needed else None for gradient, needed in wanted))
