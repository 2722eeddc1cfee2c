"""``rasterize``: 6D Gaussians → images, on whichever backend is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import GeometryError, InputError, MemoryLimitError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.backends import Backend, choose_backend
from tomosplat.render.gpu.backend import free_memory
from tomosplat.render.tables import NO_GROUPS, label_table
from tomosplat.report import Progress

Tiles = Literal["exact", "aabb"]


@dataclass(frozen=True)
class RenderOutput:
    """C pictures of a scene.

    Attributes:
        rgba: [C, H, W, 4] float32, premultiplied, without any background.
        depth: [C, H, W] float32 mm along the camera's axis, mean of the Gaussians' depths by what each adds to alpha;
            NaN where nothing was hit (on the very edge of a Gaussian, where alpha is 1/255, rounding may decide that
            otherwise than it did for ``rgba``). Not differentiable.
        coverage: [C, H, W, L] float32, what the labels of each group add to alpha. Not differentiable.
    """

    rgba: Tensor
    depth: Tensor | None = None
    coverage: Tensor | None = None

    def over(self, background: Sequence[float] | Tensor) -> Tensor:
        """Blend over a colour [3], or over colours that broadcast to [C, H, W, 3]; returns [C, H, W, 3]."""
        colour = torch.as_tensor(background, dtype=self.rgba.dtype, device=self.rgba.device)
        return self.rgba[..., :3] + (1 - self.rgba[..., 3:]) * colour


def rasterize(
    scene: GaussianScene,
    cameras: Cameras,
    *,
    visible: Sequence[int] | None = None,
    depth: bool = False,
    coverage: Sequence[Sequence[int]] = (),
    tiles: Tiles = "exact",
    backend: Backend = "auto",
    progress: Progress | None = None,
) -> RenderOutput:
    """Splat a scene into every camera.

    Differentiable in the scene's means, means_dir, covs (symmetric: an off-diagonal entry counts twice), gains,
    precisions_dir, opacities and sh through ``rgba``; not in the cameras. Nothing is kept for a backward pass where
    nothing requires a gradient.

    Args:
        scene: Any float dtype, on the CPU or on a GPU; computed in float32 ("cpu", "gpu") or float64 ("reference").
        cameras: Pinhole cameras without skew.
        visible: Label ids to draw; all others are culled before they cost anything. None draws everything.
        depth: Also return depth.
        coverage: Groups of label ids; for each, also return its share of alpha.
        tiles: Which 16x16 tiles a Gaussian is blended in: those that its ellipse touches, or those that its box does.
            The picture is the same; boxes are quicker for forward-only pictures of small Gaussians.
        backend: "auto" is "gpu" for a scene on a GPU and "cpu" for all others. Both compile in some seconds once per
            machine; "reference" is slow and meant for tests. Pictures come where the scene is.
        progress: Called after each camera.

    Raises:
        UnitsError: A Gaussian that would be drawn is NaN, infinite or too large for float32, or has a negative opacity
            or a covariance that is not positive semi-definite.
        GeometryError: A camera has skewed pixels.
        LabelError: A label id is not in 0..255.
        MemoryLimitError: The pictures or their tile lists would not fit into memory.
        BackendUnavailableError: The backend asked for is not there, or does not render where the scene is.
    """
    _check_cameras(cameras)
    if tiles not in ("exact", "aabb"):
        raise InputError(f"tiles must be 'exact' or 'aabb', got {tiles!r}")
    shown = label_table(visible, "visible")
    groups = np.stack([label_table(group, "coverage") for group in coverage]) if coverage else NO_GROUPS
    chosen = choose_backend(backend, scene.means.device)
    _check_memory(cameras, 4 + depth + len(groups), scene.means.device)
    if chosen == "reference":
        from tomosplat.render.reference import render_views

        return RenderOutput(*render_views(scene, cameras, shown, depth, groups, progress))
    if chosen == "gpu":
        from tomosplat.render.gpu.views import render_views as render_views_gpu

        return RenderOutput(*render_views_gpu(scene, cameras, shown, depth, groups, tiles == "exact", progress))
    from tomosplat.render.cpu import render_views as render_views_cpu

    return RenderOutput(*render_views_cpu(scene, cameras, shown, depth, groups, tiles == "exact", progress))


def _check_cameras(cameras: Cameras) -> None:
    pinhole = cameras.Ks.copy()
    pinhole[:, (0, 1, 0, 1), (0, 1, 2, 2)] = (1, 1, 0, 0)
    skewed = np.flatnonzero((pinhole != np.eye(3)).any(axis=(1, 2)))
    if len(skewed):
        raise GeometryError(
            f"camera {skewed[0]} has K = {cameras.Ks[skewed[0]].tolist()}; splatting needs a pinhole without skew, "
            "K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
        )


def _check_memory(cameras: Cameras, channels: int, device: torch.device) -> None:
    needed = 4 * channels * len(cameras) * cameras.height * cameras.width
    available = free_memory(device)
    if needed > available:
        raise MemoryLimitError(
            f"{len(cameras)} pictures of {cameras.width}x{cameras.height} need {needed / 1e9:.1f} GB and "
            f"{available / 1e9:.1f} GB are free; render fewer at once or smaller ones"
        )
