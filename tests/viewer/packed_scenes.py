"""Scenes to pack, with everything that the page can use."""

from __future__ import annotations

from dataclasses import replace

import torch
from tests.render.random_scenes import random_scene

from tomosplat.gaussians import GaussianScene
from tomosplat.lighting import load_rig
from tomosplat.transfer import TransferFunctions


def lit_scene(n: int = 300, seed: int = 0, spread: float = 25.0) -> GaussianScene:
    """Overlapping Gaussians with strong view dependence, that can be recoloured and relit."""
    generator = torch.Generator().manual_seed(seed)
    return replace(
        random_scene(n, seed, spread),
        values=torch.randint(-1024, 2000, (n,), generator=generator).double(),
        illumination=torch.rand(n, 3, generator=generator, dtype=torch.float64) ** 4,
        shading={
            "functions": TransferFunctions.preset("seen").to_dict(),
            "rig": load_rig("studio").to_dict(),
            "bounds_mm": [[-100, -100, -100], [100, 100, 100]],
            "multiple_scattering": 0.6,
        },
        provenance={"priming": "lit moments", "light": "march", "rig": "studio"},
    )
