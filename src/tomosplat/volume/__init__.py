"""Floor 2: scans, labels and optical properties on grids; resampling; the procedural torso.

``tomosplat.volume.resample`` is imported by name where it is needed: ITK and SciPy take a third of a second to load.
"""

from tomosplat.volume.torso import torso
from tomosplat.volume.volume import LabelMap, Modality, OpticalVolume, Unit, Volume

__all__ = ["LabelMap", "Modality", "OpticalVolume", "Unit", "Volume", "torso"]
