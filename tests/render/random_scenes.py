"""Small scenes and cameras that every rasteriser test draws."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from tomosplat.gaussians import GaussianScene, from_matrix
from tomosplat.geometry import Cameras, look_at

DIFFERENTIABLE = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh")


def random_scene(n: int = 300, seed: int = 0, spread: float = 25.0) -> GaussianScene:
    """Overlapping Gaussians of a few millimetres around the origin, with strong view dependence."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    factors, factors_dir = 3 * normal(n, 3, 3), 0.5 * normal(n, 3, 3)
    return GaussianScene(
        means=spread * normal(n, 3),
        means_dir=torch.nn.functional.normalize(normal(n, 3), dim=-1),
        covs=from_matrix(factors @ factors.mT + 0.1 * torch.eye(3)),
        gains=2 * normal(n, 3, 3),
        precisions_dir=from_matrix(factors_dir @ factors_dir.mT),
        opacities=0.05 + 0.95 * torch.rand(n, generator=generator, dtype=torch.float64),
        sh=0.5 * normal(n, 4, 3),
        labels=torch.randint(1, 6, (n,), generator=generator).to(torch.uint8),
    )


def two_cameras(width: int = 70, height: int = 50) -> Cameras:
    """Two views with unequal focal lengths, an off-centre principal point and no whole number of tiles."""
    viewmats = look_at([[0, 200, 30], [150, -40, 20]], (0, 0, 0))
    return Cameras(viewmats, np.tile([[80.0, 0, 30], [0, 90, 28], [0, 0, 1]], (2, 1, 1)), width, height)


def one_gaussian(**changes: Tensor) -> GaussianScene:
    """A round white Gaussian of 2 mm at the origin, half opaque, the same from everywhere."""
    scene = GaussianScene(
        means=torch.zeros(1, 3, dtype=torch.float64),
        means_dir=torch.tensor([[0.0, -1, 0]], dtype=torch.float64),
        covs=torch.tensor([[4.0, 0, 0, 4, 0, 4]], dtype=torch.float64),
        gains=torch.zeros(1, 3, 3, dtype=torch.float64),
        precisions_dir=torch.zeros(1, 6, dtype=torch.float64),
        opacities=torch.tensor([0.5], dtype=torch.float64),
        sh=torch.zeros(1, 4, 3, dtype=torch.float64),
        labels=torch.ones(1, dtype=torch.uint8),
    )
    return replace(scene, **changes)


def front_camera(size: int = 33, focal: float = 100.0, distance: float = 100.0) -> Cameras:
    """A camera in front of the origin, whose middle pixel looks straight at it."""
    K = np.array([[[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]])
    return Cameras(look_at([[0, distance, 0]], (0, 0, 0)), K, size, size)


def joined(*scenes: GaussianScene) -> GaussianScene:
    """All Gaussians of several scenes."""
    names = scenes[0].tensors()
    return replace(scenes[0], **{name: torch.cat([scene.tensors()[name] for scene in scenes]) for name in names})


def with_gradients(scene: GaussianScene) -> GaussianScene:
    """The same scene with leaves that collect gradients."""
    leaves = {name: getattr(scene, name).detach().clone().requires_grad_() for name in DIFFERENTIABLE}
    return replace(scene, **leaves)
