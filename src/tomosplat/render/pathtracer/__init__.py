"""Path tracing on the CPU: delta and ratio tracking through bricks, the reference that everything else learns from."""

from tomosplat.render.pathtracer.bake import BakedLight, bake_light
from tomosplat.render.pathtracer.denoise import denoise
from tomosplat.render.pathtracer.output import PathTraceOutput
from tomosplat.render.pathtracer.pathtracing import pathtrace
from tomosplat.render.pathtracer.settings import ClipPlane, PathTraceSettings, SurfaceMode, ThinLens

__all__ = [
    "BakedLight",
    "ClipPlane",
    "PathTraceOutput",
    "PathTraceSettings",
    "SurfaceMode",
    "ThinLens",
    "bake_light",
    "denoise",
    "pathtrace",
]
