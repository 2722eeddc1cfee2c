"""The same scene in Mitsuba 3's scalar volumetric path tracer, an independent implementation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tomosplat.gaussians.shading import srgb_to_linear
from tomosplat.geometry import Cameras
from tomosplat.lighting import LightRig
from tomosplat.render.pathtracer import PathTraceSettings
from tomosplat.volume import OpticalVolume

Image = NDArray[np.float64]


#: Pictures that the variance is estimated from.
_BATCHES = 32


def render_twin(
    optical: OpticalVolume, cameras: Cameras, rig: LightRig, settings: PathTraceSettings
) -> tuple[Image, Image]:
    """First camera's RGBA [H, W, 4] in linear light, premultiplied, and the variance of each value.

    Mitsuba interpolates albedo by itself, not weighted with extinction, so only scenes where one of the two is
    constant are the same scene.
    """
    import mitsuba as mi

    mi.set_variant("scalar_rgb")
    mi.set_log_level(mi.LogLevel.Error)
    scene = mi.load_dict(twin_scene(optical, cameras, rig, settings))
    # Batches as seeds of their own; the second moment of alpha follows from its mean, as paths hit or miss.
    spp = settings.samples // _BATCHES
    batches = np.stack([np.array(mi.render(scene, spp=spp, seed=seed), np.float64) for seed in range(_BATCHES)])
    image = batches.mean(axis=0)
    # A pixel's own variance of 32 values is noisy and would call some pixels surer than they are.
    variance = gaussian_filter(batches.var(axis=0, ddof=1), (1.5, 1.5, 0)) / _BATCHES
    variance[..., 3] = np.maximum(image[..., 3] * (1 - image[..., 3]), 1e-9) / settings.samples
    return image, variance


def twin_scene(optical: OpticalVolume, cameras: Cameras, rig: LightRig, settings: PathTraceSettings) -> dict[str, Any]:
    import mitsuba as mi

    transform = mi.ScalarTransform4f
    low, high = optical.grid.bounds
    box = np.diag([*(high - low), 1.0])
    box[:3, 3] = low
    cube = np.diag([*(high - low) / 2, 1.0])
    cube[:3, 3] = (low + high) / 2

    def grid(values: NDArray[np.float32]) -> dict[str, Any]:
        return {
            "type": "gridvolume",
            "grid": mi.VolumeGrid(np.ascontiguousarray(values.transpose(2, 1, 0, 3))),
            "to_world": transform(box),
            "filter_type": "trilinear",
            "wrap_mode": "clamp",
            "raw": True,
            "accel": False,
        }

    phase = {"type": "isotropic"} if settings.phase_g == 0 else {"type": "hg", "g": settings.phase_g}
    albedo = np.minimum(srgb_to_linear(optical.rgb), settings.max_albedo)
    scene: dict[str, Any] = {
        "type": "scene",
        "integrator": {
            "type": "volpath",
            # Mitsuba counts segments, and its roulette loses light in dense media: keep it out of reach.
            "max_depth": settings.max_depth + 1,
            "rr_depth": 100_000,
            "hide_emitters": True,
        },
        "sensor": {
            "type": "perspective",
            "fov": math.degrees(2 * math.atan(cameras.width / 2 / cameras.Ks[0, 0, 0])),
            "to_world": transform(np.linalg.inv(cameras.viewmats[0]) @ np.diag([-1.0, -1.0, 1.0, 1.0])),
            "film": {
                "type": "hdrfilm",
                "width": cameras.width,
                "height": cameras.height,
                "pixel_format": "rgba",
                "rfilter": {"type": "box"},
            },
            "sampler": {"type": "independent"},
        },
        "scan": {
            "type": "cube",
            "to_world": transform(cube),
            "bsdf": {"type": "null"},
            "interior": {
                "type": "heterogeneous",
                "sigma_t": grid(optical.extinction[..., None]),
                "albedo": grid(albedo),
                "phase": phase,
            },
        },
        "environment": {"type": "constant", "radiance": {"type": "rgb", "value": list(rig.environment)}},
    }
    placed = rig.place(optical.grid.bounds)
    for n in range(len(placed.centers)):
        frame = np.eye(4)
        frame[:3, 0], frame[:3, 1] = placed.half_edges[n]
        frame[:3, 2], frame[:3, 3] = placed.normals[n], placed.centers[n]
        scene[f"light{n}"] = {
            "type": "rectangle",
            "to_world": transform(frame),
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(placed.radiances[n])}},
        }
    return scene
