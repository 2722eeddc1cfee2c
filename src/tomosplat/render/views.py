"""All the pictures of one call, and autograd around them, whatever draws each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.constants import DRAWN
from tomosplat.report import Progress


class Pictures(NamedTuple):
    """Images [C, H, W, 4], depths [C, H, W] and coverages [C, H, W, L]."""

    rgba: Tensor
    depth: Tensor
    coverage: Tensor


class Painter(ABC):
    """What draws one scene, one picture after the other.

    Attributes:
        writes_first: The backward pass of the first picture writes every gradient, whatever is there.
    """

    writes_first: ClassVar[bool] = False

    @abstractmethod
    def draw(self, index: int, pictures: Pictures) -> Any:
        """Draw picture ``index``; return what its backward pass needs."""

    @abstractmethod
    def draw_backward(
        self, index: int, frame: Any, image: Tensor, image_gradient: Tensor, gradients: Sequence[Tensor]
    ) -> None:
        """Add to the gradients of the scene's tensors what the gradient [H, W, 4] of picture ``index`` means."""


@dataclass(frozen=True)
class Views:
    """Everything about the pictures that is not differentiable.

    Attributes:
        cameras: One for each picture.
        depth: Whether there are depths.
        n_groups: How many groups of labels coverage is collected for.
        differentiable: Whether frames are kept for a backward pass.
        progress: Called after each picture.
        painter: Makes what draws the scene of these tensors, which are those of ``DRAWN``.
    """

    cameras: Cameras
    depth: bool
    n_groups: int
    differentiable: bool
    progress: Progress | None
    painter: Callable[[Sequence[Tensor]], Painter]

    def draw(self, tensors: Sequence[Tensor]) -> tuple[Pictures, list[Any]]:
        """Draw one picture after the other; the frames are what their backward passes need."""
        device, size = tensors[0].device, (len(self.cameras), self.cameras.height, self.cameras.width)
        pictures = Pictures(
            torch.empty(*size, 4, device=device),
            torch.empty(size if self.depth else 0, device=device),
            torch.empty(*size, self.n_groups, device=device),
        )
        painter, frames = self.painter([tensor.detach() for tensor in tensors]), []
        for index in range(len(self.cameras)):
            frame = painter.draw(index, pictures)
            if self.differentiable:
                frames.append(frame)
            if self.progress:
                self.progress(index + 1, len(self.cameras))
        return pictures, frames


def draw_views(
    scene: GaussianScene,
    cameras: Cameras,
    depth: bool,
    n_groups: int,
    progress: Progress | None,
    painter: Callable[[Sequence[Tensor]], Painter],
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Images, depths and coverages (see ``rasterize``) on the scene's device."""
    tensors = [getattr(scene, name).to(torch.float32).contiguous() for name in DRAWN]
    differentiable = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    views = Views(cameras, depth, n_groups, differentiable, progress, painter)
    if differentiable:
        pictures = Pictures(*_Splat.apply(views, *tensors))  # type: ignore[no-untyped-call]
    else:
        pictures, _ = views.draw(tensors)
    return pictures.rgba, pictures.depth if depth else None, pictures.coverage if n_groups else None


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
        painter = ctx.views.painter([tensor.detach() for tensor in tensors])
        new = torch.empty_like if painter.writes_first and ctx.frames else torch.zeros_like
        gradients = [new(tensor) for tensor in tensors]
        images, image_gradients = rgba.detach(), rgba_gradient.contiguous()
        for index, frame in enumerate(ctx.frames):
            painter.draw_backward(index, frame, images[index], image_gradients[index], gradients)
        wanted = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return (None, *(gradient if needed else None for gradient, needed in wanted))
