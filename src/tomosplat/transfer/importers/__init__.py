"""Transfer functions made in other programs, read from the text of their files."""

from tomosplat.transfer.importers.paraview import from_paraview_json
from tomosplat.transfer.importers.slicer import from_slicer_vp

__all__ = ["from_paraview_json", "from_slicer_vp"]
