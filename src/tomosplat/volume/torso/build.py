"""What differs from one person to the next, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Build:
    """One person's measures.

    Attributes:
        scale: Width, depth and height relative to the canonical torso, [3].
        fat: Thickness of the fat under the skin, relative.
        belly: How far the fat of the belly stands out further, mm.
        kyphosis: Extra backward curve of the thoracic spine, mm.
        lordosis: Extra forward curve of the lumbar spine, mm.
        scoliosis: Sideways swing of the spine, mm.
        rib_slope: Drop of the ribs from spine to front, relative.
        heart: Size of the heart, relative.
        heart_turn: Turn of the heart's axis to the left, radians.
        liver: Size of the liver, relative.
        spleen: Size of the spleen, relative.
        kidneys: Size of the right and left kidney, relative.
        kidney_drop: How far the right and left kidney lie below their usual place, mm.
        bladder: Size of the bladder, relative.
        stomach: Size of the stomach, relative.
        dome: How far the right and left dome of the diaphragm stand above their usual place, mm.
        contrast: Phase of the contrast medium: 0 arterial, 1 portal venous.
    """

    scale: NDArray[np.float64]
    fat: float
    belly: float
    kyphosis: float
    lordosis: float
    scoliosis: float
    rib_slope: float
    heart: float
    heart_turn: float
    liver: float
    spleen: float
    kidneys: tuple[float, float]
    kidney_drop: tuple[float, float]
    bladder: float
    stomach: float
    dome: tuple[float, float]
    contrast: float


def draw(rng: np.random.Generator) -> Build:
    """Draw one person; every measure is bounded, so that no organ can leave its place."""

    def about(center: float, spread: float) -> float:
        return float(center + spread * np.clip(rng.normal(), -2, 2) / 2)

    return Build(
        scale=about(1, 0.05) * np.array([about(1, 0.05), about(1, 0.06), about(1, 0.04)]),
        fat=about(1, 0.45),
        belly=about(8, 12),
        kyphosis=about(0, 4),
        lordosis=about(0, 4),
        scoliosis=about(0, 4),
        rib_slope=about(1, 0.1),
        heart=about(1.05, 0.1),
        heart_turn=about(0, 0.12),
        liver=about(1, 0.16),
        spleen=about(1, 0.15),
        kidneys=(about(1, 0.1), about(1, 0.1)),
        kidney_drop=(about(0, 12), about(0, 12)),
        bladder=about(1, 0.2),
        stomach=about(1, 0.16),
        dome=(about(0, 6), about(0, 6)),
        contrast=float(rng.uniform(0, 1)),
    )
