"""HU of organs and blood by the phase of the contrast medium."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contrast:
    """Mean HU of what takes up contrast medium."""

    aorta: float
    pulmonary: float
    veins: float
    upper_veins: float
    portal: float
    myocardium: float
    liver: float
    spleen: float
    pancreas: float
    kidney_cortex: float
    kidney_medulla: float


_ARTERIAL = Contrast(380, 330, 85, 420, 150, 105, 72, 150, 105, 230, 95)
_PORTAL = Contrast(175, 170, 150, 165, 180, 110, 112, 125, 100, 200, 165)


def contrast(phase: float) -> Contrast:
    """Blend the late arterial (0) and the portal venous phase (1)."""
    pairs = zip(vars(_ARTERIAL).values(), vars(_PORTAL).values(), strict=True)
    return Contrast(*(a + phase * (b - a) for a, b in pairs))
