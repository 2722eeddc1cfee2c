"""Scenes to pack, with everything that the page can use."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from tests.render.random_scenes import random_scene

from tomosplat.gaussians import Agreement, Fidelity, GaussianScene
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


#: Of the labels of ``measured_scene``; the last was not seen.
ORGANS = {
    1: Agreement(4000.0, 0.02, 0.01),
    2: Agreement(2000.0, 0.05, 0.01),
    3: Agreement(900.0, 0.1, 0.01),
    4: Agreement(300.0, 0.01, 0.01),
    5: Agreement(0.2, math.nan, math.nan),
}


def measured_scene(n: int = 300) -> GaussianScene:
    """The same with errors from 0 to 0.4, every fifth unknown."""
    errors = torch.linspace(0, 1, n, dtype=torch.float64) ** 2 * 0.4
    errors[::5] = math.nan
    return replace(lit_scene(n), errors=errors, fidelity=Fidelity(24, 400, 32, True, ORGANS))
