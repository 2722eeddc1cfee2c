"""What can be asked of the ray marcher."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tomosplat.errors import InputError
from tomosplat.render.pathtracer.settings import ClipPlane

Mode = Literal["composite", "mip", "average"]
Classification = Literal["post", "preintegrated"]
Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Shading:
    """Lambert and Blinn-Phong on the surfaces that the gradient of the values describes.

    With the unit normal n towards the viewer v, light l and h = (l + v) / |l + v|, a colour c becomes
    c · (1 + m (ambient + diffuse max(n·l, 0) − 1)) + m specular max(n·h, 0)^shininess, at most white. Where the
    gradient g is small the normal is noise, so shading fades with m = |g|² / (|g|² + fade²).

    Attributes:
        ambient: Share of the colour that needs no light.
        diffuse: Share that the light adds where it falls straight on.
        specular: White that a highlight adds.
        shininess: Exponent of the highlight.
        light: Direction towards the light in the patient's frame (RAS), any length but 0; None is a headlight.
        fade: Gradient, in units of the value per mm, at which half the shading is left. None is 25 HU/mm, or one
            percent of the volume's range per mm where values are not in HU.

    Raises:
        InputError: A value is out of its range.
    """

    ambient: float = 0.25
    diffuse: float = 0.75
    specular: float = 0.15
    shininess: float = 24.0
    light: Vector | None = None
    fade: float | None = None

    def __post_init__(self) -> None:
        for name in ("ambient", "diffuse", "specular", "shininess", "fade"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"shading.{name} must be a finite number of at least 0, got {value!r}")
        if self.light is not None:
            light = np.array(self.light, dtype=np.float64)
            if light.shape != (3,) or not np.isfinite(light).all() or not light.any():
                raise InputError(
                    f"shading.light must be a direction [3] that is not 0, or None for a headlight; got {self.light}"
                )


@dataclass(frozen=True, kw_only=True)
class RaymarchSettings:
    """How to march.

    Attributes:
        step_mm: Length of the intervals that a ray is cut into.
        mode: "composite" is emission and absorption; "mip" shows the highest value on the ray, "average" the mean.
        classification: For "composite", how an interval gets its colour: "post" classifies the value at its middle,
            "preintegrated" all values between its two ends, so that thin peaks of a function are not missed.
        shading: How surfaces are lit; None shows plain colours.
        jitter: Begin every ray with an interval of another length, which trades bands for fine noise.
        seed: Another seed jitters differently.
        clip: Planes that cut the scan.
        visible: Label ids to show; None shows all.
        window: For "mip" and "average", the values shown black and white. None is from the 1st to the 99th percentile
            of what is found on the scan's lines of voxels along its three axes, among what is shown: one bright voxel
            does not darken all others, and the window is the same for all views.
        skip_empty: Leap over bricks in which nothing is visible; the picture is the same.

    Raises:
        InputError: A value is out of its range or not one of those named.
    """

    step_mm: float = 0.5
    mode: Mode = "composite"
    classification: Classification = "post"
    shading: Shading | None = Shading()
    jitter: bool = True
    seed: int = 0
    clip: Sequence[ClipPlane] = ()
    visible: Sequence[int] | None = None
    window: tuple[float, float] | None = None
    skip_empty: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.step_mm < math.inf:
            raise InputError(f"step_mm must be a finite length above 0 mm, got {self.step_mm}")
        for name, choices in (("mode", get_args(Mode)), ("classification", get_args(Classification))):
            if getattr(self, name) not in choices:
                raise InputError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise InputError(f"seed must be a whole number from 0 to 2³² − 1, got {self.seed!r}")
        if self.window is not None and not (
            len(self.window) == 2 and -math.inf < self.window[0] < self.window[1] < math.inf
        ):
            raise InputError(f"window must be a lower and a higher finite value, got {self.window}")
