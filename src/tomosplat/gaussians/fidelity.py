"""How near a scene's pictures are to path-traced truth: numbers that are kept with the scene."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tomosplat.errors import InputError

#: An organ of fewer pixels, in all views together, counts as not seen.
LEAST_PIXELS = 1.0
#: Errors that are trusted wholly and not at all: a hundredth and a fifth of full brightness, 40 and 14 dB.
_TRUSTED, _NOT_TRUSTED = 0.01, 0.2


@dataclass(frozen=True)
class Agreement:
    """How near the pictures of an organ, or of several, are to the truth.

    Attributes:
        pixels: How many pixels it fills in all views together: the sum of its Gaussians' blend weights.
        error: Root mean square difference from the truth over these pixels and RGB, of sRGB in 0..1, without what the
            truth's own noise adds; NaN where it is not seen.
        noise: That noise, in the same unit; NaN where it is not seen.
    """

    pixels: float
    error: float
    noise: float

    @classmethod
    def of_sums(cls, pixels: float, squares: float, noise: float) -> Agreement:
        """From sums of weights, of weighted squared differences (noise may leave them negative) and of noise."""
        if pixels < LEAST_PIXELS:
            return cls(pixels, math.nan, math.nan)
        return cls(pixels, math.sqrt(max(squares, 0) / pixels), math.sqrt(noise / pixels))

    @property
    def trust(self) -> float:
        """100 · log(0.2 / error) / log(0.2 / 0.01), held within 0..100; NaN where it is not seen.

        An error of 1 % of full brightness (40 dB), about the noise of a traced truth and hardly seen side by side, is
        100; one of 20 % (14 dB), where the viewer's colours end, is 0; half the error is 23 points more.
        """
        if math.isnan(self.error):
            return math.nan
        error = min(max(self.error, _TRUSTED), _NOT_TRUSTED)
        return 100 * math.log(_NOT_TRUSTED / error) / math.log(_NOT_TRUSTED / _TRUSTED)

    @property
    def psnr(self) -> float:
        """The error in dB below full brightness; infinite where there is none, NaN where it is not seen."""
        return math.inf if self.error == 0 else -20 * math.log10(self.error)

    def to_dict(self) -> dict[str, float | None]:
        """JSON-serialisable; null where it is not seen."""
        return {name: None if math.isnan(value) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Agreement:
        """What ``to_dict`` gave."""
        return cls(*(_number(data, name) for name in ("pixels", "error", "noise")))


@dataclass(frozen=True)
class Fidelity:
    """What was measured of a scene, with all its Gaussians drawn.

    Attributes:
        views: How many pictures were compared.
        size: Their edge in pixels.
        samples: Paths through each pixel of the truth.
        denoised: Whether the truth was denoised; what a denoiser does alike to all pictures counts as truth then.
        organs: Label id → how near it is; labels without Gaussians are not listed.
    """

    views: int
    size: int
    samples: int
    denoised: bool
    organs: Mapping[int, Agreement]

    def of(self, labels: Iterable[int]) -> Agreement:
        """Several organs together; labels that were not measured add nothing."""
        found = [self.organs[label] for label in labels if label in self.organs]
        seen = [organ for organ in found if not math.isnan(organ.error)]
        return Agreement.of_sums(
            sum(organ.pixels for organ in found),
            sum(organ.pixels * organ.error**2 for organ in seen),
            sum(organ.pixels * organ.noise**2 for organ in seen),
        )

    @property
    def whole(self) -> Agreement:
        """All organs together."""
        return self.of(self.organs)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        organs = {str(label): organ.to_dict() for label, organ in self.organs.items()}
        return {**vars(self), "organs": organs}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fidelity:
        """What ``to_dict`` gave.

        Raises:
            InputError: It is something else.
        """
        try:
            counts = [_count(data[name]) for name in ("views", "size", "samples")]
            organs = {int(label): Agreement.from_dict(organ) for label, organ in data["organs"].items()}
            if not isinstance(data["denoised"], bool) or not all(0 <= label <= 255 for label in organs):
                raise ValueError(f"denoised {data['denoised']!r}, labels {sorted(organs)}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"a scene's fidelity is malformed: {error!r}") from error
        return cls(counts[0], counts[1], counts[2], data["denoised"], organs)


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} should be a whole number above 0")
    return value


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data[name]
    if value is None and name != "pixels":
        return math.nan
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"{name} {value!r} should be a number of at least 0")
    return float(value)
