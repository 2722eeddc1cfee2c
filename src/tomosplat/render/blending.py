"""What each Gaussian has to do with each pixel, without a kernel of its own."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tomosplat.errors import ShapeError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import SH_C0, Cameras
from tomosplat.render.backends import Backend
from tomosplat.render.rasterization import rasterize


def blended_sums(scene: GaussianScene, cameras: Cameras, fields: Tensor, *, backend: Backend = "auto") -> Tensor:
    """Sums over pixels p of wᵢ(p) · field(p), wᵢ(p) being the weight with which Gaussian i is blended into p.

    A picture is Σ wᵢ cᵢ, so its derivative by the colour cᵢ, with the fields as the upstream gradient, is what is
    wanted: one forward and one backward pass give three sums for all Gaussians. The weights do not depend on colours,
    so all are white here: where a colour is held at black, the derivative would be missing.

    Args:
        scene: N Gaussians.
        cameras: C views.
        fields: [C, H, W, 3]; a field of ones gives Σ wᵢ(p).
        backend: As of ``rasterize``.

    Returns:
        [N, 3] float64, not differentiable; 0 for Gaussians that no view shows.

    Raises:
        ShapeError: The fields are not of the cameras' size.
    """
    shape = (len(cameras), cameras.height, cameras.width, 3)
    if tuple(fields.shape) != shape:
        raise ShapeError(f"fields must be {shape}, three for each pixel of each camera, got {tuple(fields.shape)}")
    sh = torch.zeros_like(scene.sh)
    sh[:, 0] = 0.5 / SH_C0
    sh.requires_grad_()
    picture = rasterize(replace(scene, sh=sh), cameras, backend=backend).rgba
    if not picture.requires_grad:  # nothing is in view
        return sh.new_zeros(len(scene), 3, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(picture[..., :3], sh, fields.to(picture.dtype))
    return gradient[:, 0].double() / SH_C0
