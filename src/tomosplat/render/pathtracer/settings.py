"""What can be asked of the path tracer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tomosplat.errors import InputError
from tomosplat.gaussians.shading import MAX_ALBEDO

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class ClipPlane:
    """Cuts the scan and keeps the half towards which the normal points; the cut is flat, not made of voxels.

    Attributes:
        point: Any point of the plane, world mm.
        normal: Points into the half that stays; any length but 0.
    """

    point: Vector
    normal: Vector

    def __post_init__(self) -> None:
        values = np.array([self.point, self.normal], dtype=np.float64)
        if values.shape != (2, 3) or not np.isfinite(values).all() or not values[1].any():
            raise InputError(f"a clip plane needs a point [3] and a normal [3] that is not 0, got {self}")


@dataclass(frozen=True)
class SurfaceMode:
    """Shading of organ surfaces as cinematic rendering does it (Kroes et al., Exposure Render, 2012).

    Where light scatters, it does so with probability 1 − exp(−strength · |∇α|) from a surface whose normal is the
    gradient of opacity α (per 1.5 mm): Lambert below a GGX coat; else from the phase function. A look, not physics.

    Attributes:
        strength: mm; how steep a change of opacity must be to count as a surface. 0 gives none.
        roughness: GGX α = roughness²; 0.1 is wet, 1 is chalk.
        specular: Reflectance at normal incidence; 0.04 for tissue in air.
    """

    strength: float = 10.0
    roughness: float = 0.4
    specular: float = 0.04

    def __post_init__(self) -> None:
        if not (0 <= self.strength < math.inf and 0.05 <= self.roughness <= 1 and 0 <= self.specular <= 1):
            raise InputError(f"surface mode needs strength >= 0, roughness 0.05..1 and specular 0..1, got {self}")


@dataclass(frozen=True)
class ThinLens:
    """A camera lens that blurs what is out of focus.

    Attributes:
        radius_mm: Of the aperture.
        focus_mm: Distance along the camera's axis that is sharp.
    """

    radius_mm: float
    focus_mm: float

    def __post_init__(self) -> None:
        if not (0 < self.radius_mm < math.inf and 0 < self.focus_mm < math.inf):
            raise InputError(f"a lens needs a radius and a focus distance above 0 mm, got {self}")


@dataclass(frozen=True, kw_only=True)
class PathTraceSettings:
    """How to trace.

    Attributes:
        samples: Paths through each pixel, at most.
        target_error: Stop a picture early once its relative error (see ``PathTraceOutput``) is this small.
        max_depth: Collisions on a path, at most; what is scattered more often is missing from the picture.
        phase_g: Mean cosine of scattering (Henyey-Greenstein), −0.99..0.99; 0 scatters to all sides alike.
        antialias: Blur of extinction in voxels before anything is traced, as label masks end in steps; 0 traces the
            optical volume as it is.
        surface: Shade surfaces; None scatters by the phase function alone, the physical mode.
        clip: Planes that cut the scan.
        lens: Depth of field; None is a pinhole.
        max_albedo: Highest linear albedo; what is brighter is capped, as light would scatter in it for ever.
        seed: Another seed gives other noise.

    Raises:
        InputError: A value is out of its range.
    """

    samples: int = 64
    target_error: float | None = None
    max_depth: int = 32
    phase_g: float = 0.0
    antialias: float = 0.7
    surface: SurfaceMode | None = None
    clip: tuple[ClipPlane, ...] = ()
    lens: ThinLens | None = None
    max_albedo: float = MAX_ALBEDO
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {"samples": (1, 2**31 - 1), "max_depth": (1, 2**31 - 1), "seed": (0, 2**63 - 1)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InputError(f"{name} must be a whole number from {low} to {high}, got {value!r}")
        if self.target_error is not None and not 0 < self.target_error < math.inf:
            raise InputError(f"target_error must be above 0, got {self.target_error}; 0.02 is a clean picture")
        if not -0.99 <= self.phase_g <= 0.99:
            raise InputError(f"phase_g must lie between -0.99 and 0.99, got {self.phase_g}")
        if not 0 <= self.antialias <= 5:
            raise InputError(f"antialias must lie between 0 and 5 voxels, got {self.antialias}")
        if not 0 <= self.max_albedo <= 1:
            raise InputError(f"max_albedo must lie between 0 and 1, got {self.max_albedo}")
