"""The pictures that a scene is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tomosplat.errors import InputError, ShapeError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render import rasterize

#: Pictures that are looked at to tell whether they show the scene, and the least overlap of silhouettes in them.
_COMPARED = 4
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True, eq=False)
class View:
    """One picture and the camera that saw it.

    Attributes:
        camera: A single camera.
        rgba: [H, W, 4] float32, premultiplied over black, display-referred (sRGB), in 0..1.
        mask: [H, W] bool, the pixels that count; None for all.

    Raises:
        ShapeError: The picture is not of the camera's size or not float32, or there is not one camera.
        InputError: The picture is black or holds values that are not finite.
    """

    camera: Cameras
    rgba: Tensor
    mask: Tensor | None = None

    def to(self, device: torch.device) -> View:
        """The same view with its picture on another device."""
        if self.rgba.device == device:
            return self
        return replace(self, rgba=self.rgba.to(device), mask=None if self.mask is None else self.mask.to(device))

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        if len(self.camera) != 1 or tuple(self.rgba.shape) != (*size, 4) or self.rgba.dtype != torch.float32:
            raise ShapeError(
                f"a view is one camera and a float32 picture [{size[0]}, {size[1]}, 4] as it says; got "
                f"{len(self.camera)} cameras and {self.rgba.dtype} {tuple(self.rgba.shape)}"
            )
        if self.mask is not None and (tuple(self.mask.shape) != size or self.mask.dtype != torch.bool):
            raise ShapeError(f"mask must be bool {size}, got {self.mask.dtype} {tuple(self.mask.shape)}")
        if not bool(self.rgba.isfinite().all()):
            raise InputError("a view holds NaN or infinite values; trace or export it again")
        if not bool(self.rgba.any()):
            raise InputError("a view is black and clear all over: nothing can be learned from it; leave it out")

    def window(self, left: int, top: int, width: int, height: int) -> View:
        """A rectangle of this view.

        Raises:
            InputError: It is black.
        """
        part = (slice(top, top + height), slice(left, left + width))
        mask = None if self.mask is None else self.mask[part]
        return View(self.camera.window(left, top, width, height), self.rgba[part], mask)


def check_views(scene: GaussianScene, views: Sequence[View]) -> None:
    """Pass views that can have been taken of the scene: silhouettes must overlap where the views are compared.

    Raises:
        InputError: There are fewer than two views, or they show something else or from elsewhere.
    """
    if len(views) < 2:
        raise InputError(f"a fit needs at least 2 views, 20 to do well; got {len(views)}")
    step = max(1, len(views) // _COMPARED)
    both = either = 0.0
    for given in views[::step][:_COMPARED]:
        view = given.to(scene.means.device)
        splatted = rasterize(scene, view.camera).rgba[..., 3][0]
        both += float(torch.minimum(splatted, view.rgba[..., 3]).sum())
        either += float(torch.maximum(splatted, view.rgba[..., 3]).sum())
    if both < _LEAST_OVERLAP * either:
        raise InputError(
            f"the views do not show this scene: its silhouette and theirs share {both / either:.0%} of their area; "
            "check that scan, organs and cameras belong together (world: RAS, mm; cameras: OpenCV axes)"
        )
