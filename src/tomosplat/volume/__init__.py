"""Floor 2: scans, labels and optical properties on grids; resampling; the procedural torso."""

from tomosplat.volume.volume import LabelMap, Modality, OpticalVolume, Unit, Volume

__all__ = ["LabelMap", "Modality", "OpticalVolume", "Unit", "Volume"]
