"""A small scene of a few coloured balls, and pictures of it."""

from __future__ import annotations

from dataclasses import replace

import torch

from tomosplat.fitting import View
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import fibonacci_directions, frame_points
from tomosplat.render import rasterize

SIZE = 48


def blobs(n: int = 120, seed: int = 0) -> GaussianScene:
    """Round Gaussians in a box of 60 mm, each with its own colour; their labels and values tell them apart."""
    rng = torch.Generator().manual_seed(seed)
    sh = torch.zeros(n, 4, 3)
    sh[:, 0] = torch.rand(n, 3, generator=rng) * 2 - 1
    return GaussianScene(
        means=torch.rand(n, 3, generator=rng) * 60 - 30,
        means_dir=torch.nn.functional.normalize(torch.randn(n, 3, generator=rng), dim=1),
        covs=torch.tensor([16.0, 0, 0, 16, 0, 16]).repeat(n, 1),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.tensor([1.0, 0, 0, 1, 0, 1]).mul(0.1).repeat(n, 1),
        opacities=torch.full((n,), 0.7),
        sh=sh,
        labels=(torch.arange(n) % 5).to(torch.uint8) + 1,
        values=torch.arange(n, dtype=torch.float32),
        label_names={i: f"organ {i}" for i in range(1, 6)},
    )


def seen(scene: GaussianScene, n: int, turn: float = 0.0) -> list[View]:
    """Pictures from all around."""
    angle = torch.tensor(turn)
    c, s = float(angle.cos()), float(angle.sin())
    rotation = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]]).double().numpy()
    cameras = frame_points(blobs().means.double().numpy(), fibonacci_directions(n) @ rotation.T, SIZE, SIZE)
    with torch.no_grad():
        pictures = rasterize(replace(scene, values=None), cameras).rgba.clamp(0, 1)
    return [View(cameras[i : i + 1], pictures[i].clone()) for i in range(n)]


def faded(scene: GaussianScene) -> GaussianScene:
    """The scene as a fit might begin: grey, thinner, and a little displaced."""
    rng = torch.Generator().manual_seed(9)
    return replace(
        scene,
        sh=scene.sh * 0.2,
        opacities=scene.opacities * 0.6,
        means=scene.means + 0.5 * torch.randn(scene.means.shape, generator=rng),
    )
