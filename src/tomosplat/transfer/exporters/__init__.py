"""Transfer functions as files of other programs."""

from tomosplat.transfer.exporters.paraview import to_paraview_json
from tomosplat.transfer.exporters.slicer import to_slicer_vp

__all__ = ["to_paraview_json", "to_slicer_vp"]
