"""Classic direct volume rendering on the CPU; ``tomosplat.render.reference.raymarch`` is its truth."""

from tomosplat.render.raymarching.raymarch import Raymarcher, RaymarchOutput, raymarch
from tomosplat.render.raymarching.settings import RaymarchSettings, Shading

__all__ = ["RaymarchOutput", "RaymarchSettings", "Raymarcher", "Shading", "raymarch"]
