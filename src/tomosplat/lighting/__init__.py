"""Floor 3: light rigs as data, and light marched from them to points in the scan."""

from tomosplat.lighting.march import march_light
from tomosplat.lighting.rigs import AreaLight, LightRig, PlacedLights, load_rig, rig_names

__all__ = ["AreaLight", "LightRig", "PlacedLights", "load_rig", "march_light", "rig_names"]
