"""Floor 4: scenes and scans to images.

``rasterize`` splats 6D Gaussians and chooses a backend (``reference`` is the truth, ``cpu`` is fast); ``pathtrace``
traces the light that a scan scatters.
"""

from tomosplat.render.pathtracer import (
    ClipPlane,
    PathTraceOutput,
    PathTraceSettings,
    SurfaceMode,
    ThinLens,
    pathtrace,
)
from tomosplat.render.rasterization import RenderOutput, rasterize

__all__ = [
    "ClipPlane",
    "PathTraceOutput",
    "PathTraceSettings",
    "RenderOutput",
    "SurfaceMode",
    "ThinLens",
    "pathtrace",
    "rasterize",
]
