"""Floor 4: scenes and scans to images.

``rasterize`` splats 6D Gaussians and chooses a backend (``reference`` is the truth, ``cpu`` is fast); ``blended_sums``
tells what each of them has to do with each pixel. ``pathtrace`` traces the light that a scan scatters, ``bake_light``
what of it each Gaussian gets, which ``march_blocks`` estimates; ``raymarch`` is classic direct volume rendering.
``slice_gaussians`` shows what lies in a plane, ``blend_ellipses`` 2D Gaussians.
"""

from tomosplat.render.blending import blended_sums
from tomosplat.render.gpu.backend import Device, choose_device, describe_device
from tomosplat.render.marched_light import march_blocks, march_rays_to_blocks, share_among_blocks
from tomosplat.render.pathtracer import (
    BakedLight,
    ClipPlane,
    PathTraceOutput,
    PathTraceSettings,
    SurfaceMode,
    ThinLens,
    bake_light,
    denoise,
    pathtrace,
)
from tomosplat.render.rasterization import RenderOutput, rasterize
from tomosplat.render.raymarching import Raymarcher, RaymarchOutput, RaymarchSettings, Shading, raymarch
from tomosplat.render.slices import Blending, SliceImage, blend_ellipses, slice_gaussians

__all__ = [
    "BakedLight",
    "Blending",
    "ClipPlane",
    "Device",
    "PathTraceOutput",
    "PathTraceSettings",
    "RaymarchOutput",
    "RaymarchSettings",
    "Raymarcher",
    "RenderOutput",
    "Shading",
    "SliceImage",
    "SurfaceMode",
    "ThinLens",
    "bake_light",
    "blend_ellipses",
    "blended_sums",
    "choose_device",
    "denoise",
    "describe_device",
    "march_blocks",
    "march_rays_to_blocks",
    "pathtrace",
    "rasterize",
    "raymarch",
    "share_among_blocks",
    "slice_gaussians",
]
