"""Floor 3: light rigs as data, and light marched from them to points in the scan."""

from tomosplat.lighting.coverage import coarse_grid, cover
from tomosplat.lighting.environment import Environment
from tomosplat.lighting.illumination import march_light, share_light
from tomosplat.lighting.march import ArrivingLight, march_rays
from tomosplat.lighting.neighbours import Neighbours
from tomosplat.lighting.rigs import AreaLight, LightRig, PlacedLights, load_rig, rig_names
from tomosplat.lighting.sweeping import sweep_light

__all__ = [
    "AreaLight",
    "ArrivingLight",
    "Environment",
    "LightRig",
    "Neighbours",
    "PlacedLights",
    "coarse_grid",
    "cover",
    "load_rig",
    "march_light",
    "march_rays",
    "rig_names",
    "share_light",
    "sweep_light",
]
