"""Light rigs: what lights stand around the patient, as data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from tomosplat.errors import InputError
from tomosplat.geometry import FloatArray

RGB = tuple[float, float, float]


def _is_radiance(rgb: RGB) -> bool:
    return len(rgb) == 3 and all(0 <= value < math.inf for value in rgb)


@dataclass(frozen=True)
class AreaLight:
    """A square that shines with equal radiance from its front, which faces the middle of the scene.

    Attributes:
        name: What it does in the rig.
        position: Centre in RAS axes, from the middle of the scene, in units of the scene's radius.
        half_size: Half the edge of the square, in the same unit.
        radiance: Linear RGB.
    """

    name: str
    position: tuple[float, float, float]
    half_size: float
    radiance: RGB

    def __post_init__(self) -> None:
        if len(self.position) != 3 or not _is_radiance(self.radiance):
            raise InputError(f"light {self.name!r} needs three coordinates and three finite radiances of at least 0")
        # The corners of a cubic scene lie √3 radii from its middle, those of the light √2 half-sizes from its own.
        clearance = np.linalg.norm(self.position) - math.sqrt(2) * self.half_size
        if not (self.half_size > 0 and math.sqrt(3) <= clearance < np.inf):
            raise InputError(
                f"light {self.name!r} must have a positive half_size and stand outside the scene, √3 radii or more "
                f"from its middle; got position {self.position} and half_size {self.half_size}"
            )


@dataclass(frozen=True, eq=False)
class PlacedLights:
    """The area lights of a rig around one scene, in world mm.

    Attributes:
        centers: [L, 3] mm.
        half_edges: [L, 2, 3] mm, from the centre to the middles of two neighbouring sides.
        normals: [L, 3], unit vectors of the side that shines.
        radiances: [L, 3], linear RGB.
    """

    centers: FloatArray
    half_edges: FloatArray
    normals: FloatArray
    radiances: FloatArray

    def samples(self, per_edge: int) -> tuple[FloatArray, FloatArray]:
        """Places on the lights [L·n², 3] in mm, and radiance · area / (4π n²) of each, [L·n², 3] mm²."""
        ticks = (np.arange(per_edge) + 0.5) / per_edge * 2 - 1
        u, v = (ticks[index].reshape(-1, 1) for index in np.indices((per_edge, per_edge)))
        edges = self.half_edges[:, :, None]
        places = self.centers[:, None] + u * edges[:, 0] + v * edges[:, 1]
        areas = 4 * np.linalg.norm(self.half_edges, axis=2).prod(axis=1, keepdims=True)
        weights = np.repeat(self.radiances * areas, per_edge**2, axis=0) / (4 * math.pi * per_edge**2)
        return places.reshape(-1, 3), weights


@dataclass(frozen=True)
class LightRig:
    """Area lights and a constant environment, fixed in the patient's frame.

    Attributes:
        name: What the rig is called.
        environment: Linear RGB radiance from every direction in which no light stands.
        lights: The area lights.
    """

    name: str
    environment: RGB
    lights: tuple[AreaLight, ...]

    def __post_init__(self) -> None:
        if not _is_radiance(self.environment):
            raise InputError(f"light rig {self.name!r}: environment must be three finite radiances of at least 0")

    def place(self, bounds: tuple[FloatArray, FloatArray]) -> PlacedLights:
        """Stand the lights around ``bounds`` (lowest and highest corner, mm); its radius is half the longest edge."""
        low, high = bounds
        center, radius = (low + high) / 2, float((high - low).max()) / 2
        offsets = np.array([light.position for light in self.lights], dtype=np.float64).reshape(-1, 3)
        normals = -offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
        helper = np.where(np.abs(normals[:, 2:]) > 0.99, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        across = np.cross(helper, normals)
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        half_sizes = np.array([light.half_size for light in self.lights])[:, None, None] * radius
        half_edges = np.stack([across, np.cross(normals, across)], axis=1) * half_sizes
        radiances = np.array([light.radiance for light in self.lights], dtype=np.float64).reshape(-1, 3)
        return PlacedLights(center + offsets * radius, half_edges, normals, radiances)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, as in ``rigs.json``."""
        return {"environment": list(self.environment), "lights": [asdict(light) for light in self.lights]}

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> LightRig:
        """Read the JSON form.

        Raises:
            InputError: A field is missing, unknown or malformed.
        """
        try:
            lights = [
                {**light, "position": tuple(light["position"]), "radiance": tuple(light["radiance"])}
                for light in data["lights"]
            ]
            red, green, blue = (float(value) for value in data["environment"])
            return cls(name, (red, green, blue), tuple(AreaLight(**light) for light in lights))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"light rig {name!r}: expected 'environment' [3] and 'lights', each with name, position [3], "
                f"half_size and radiance [3]; {error!r}"
            ) from error


@cache
def _shipped() -> dict[str, LightRig]:
    text = resources.files("tomosplat.lighting").joinpath("rigs.json").read_text(encoding="utf-8")
    return {name: LightRig.from_dict(name, data) for name, data in json.loads(text).items()}


def rig_names() -> list[str]:
    """Names of the rigs that come with the package."""
    return list(_shipped())


def load_rig(name: str) -> LightRig:
    """Return a shipped rig.

    Raises:
        InputError: There is no rig of that name.
    """
    rigs = _shipped()
    if name not in rigs:
        raise InputError(f"no light rig is called {name!r}; choose one of {', '.join(rigs)}")
    return rigs[name]
