"""Everything that light meets, ready for the kernels, and pictures of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tomosplat.errors import InputError
from tomosplat.geometry import Cameras, Grid
from tomosplat.lighting import LightRig
from tomosplat.lighting.environment import Environment
from tomosplat.render.pathtracer.antialias import antialias
from tomosplat.render.pathtracer.dome import Dome, build_dome
from tomosplat.render.pathtracer.kernels import F32, F64
from tomosplat.render.pathtracer.lights import Lights, build_lights
from tomosplat.render.pathtracer.medium import Medium, build_medium, check_values
from tomosplat.render.pathtracer.settings import ClipPlane, PathTraceSettings
from tomosplat.render.pathtracer.surface import Surfaces, build_surfaces
from tomosplat.render.pathtracer.tiles import SUMS, build_lens, trace_tile
from tomosplat.threads import run
from tomosplat.volume.volume import OpticalVolume

#: Edge of the squares that a picture is cut into, a job each: small, because their costs differ by a hundred.
_TILE = 16
#: Every pass doubles the samples, up to this many at once.
_LARGEST_PASS = 32


class World(NamedTuple):
    """What light meets, as the kernels take it.

    Attributes:
        medium: Extinction and albedo.
        surfaces: Slopes of opacity, empty without surface mode.
        lights: Area lights.
        dome: The environment.
        planes: [P, 4] clip planes in voxels: what has n · q >= c is kept.
    """

    medium: Medium
    surfaces: Surfaces
    lights: Lights
    dome: Dome
    planes: F32


@dataclass(frozen=True)
class Scene:
    """A scan, lit and cut.

    Attributes:
        world: For the kernels.
        grid: Where the scan is.
    """

    world: World
    grid: Grid

    @classmethod
    def build(
        cls, optical: OpticalVolume, rig: LightRig, environment: Environment, settings: PathTraceSettings
    ) -> Scene:
        """Prepare a scan and its lights.

        Raises:
            InputError: Nothing is visible or nothing shines.
        """
        check_values(optical)
        optical = antialias(optical, settings.antialias)
        medium = build_medium(optical, settings.max_albedo)
        dome = build_dome(environment)
        if not (environment.radiance.any() or any(max(light.radiance) > 0 for light in rig.lights)):
            raise InputError(f"light rig {rig.name!r} is dark: no area light and no environment has any radiance")
        surfaces, lights = build_surfaces(optical, settings.surface), build_lights(rig, dome, optical)
        return cls(World(medium, surfaces, lights, dome, _planes_in_voxels(settings.clip, optical.grid)), optical.grid)

    def trace(
        self, cameras: Cameras, index: int, settings: PathTraceSettings, after_pass: Callable[[F64, int], bool]
    ) -> None:
        """Trace one camera's picture in passes until the samples are spent or ``after_pass`` returns True.

        Args:
            cameras: All cameras.
            index: Which one.
            settings: How to trace.
            after_pass: Called with the sums [H, W, SUMS] so far and how many samples they hold.
        """
        lens = build_lens(cameras, index, self.grid, settings.lens)
        sums = np.zeros((cameras.height, cameras.width, SUMS))
        # The camera is part of the seed, or equal pixels of two views would share their noise.
        seed = np.uint64((settings.seed * 0x9E3779B97F4A7C15 + index) % 2**64)
        done = 0
        while done < settings.samples:
            until = min(settings.samples, done + min(max(done, 1), _LARGEST_PASS))
            how = np.float32(settings.phase_g), settings.max_depth, seed, done, until
            tiles = _tiles(cameras.width, cameras.height)
            run(trace_tile, [(self.world, lens, *how, *tile, sums) for tile in tiles])
            done = until
            if after_pass(sums, done):
                break


def _tiles(width: int, height: int) -> Sequence[tuple[int, int, int, int]]:
    return [
        (x, min(x + _TILE, width), y, min(y + _TILE, height))
        for y in range(0, height, _TILE)
        for x in range(0, width, _TILE)
    ]


def _planes_in_voxels(clip: Sequence[ClipPlane], grid: Grid) -> F32:
    """Planes [P, 4] in the medium's voxels: what has n · q >= c is kept."""
    points = grid.to_index(np.array([plane.point for plane in clip]).reshape(-1, 3)) + 1
    normals = np.array([plane.normal for plane in clip], dtype=np.float64).reshape(-1, 3) @ grid.affine[:3, :3]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.concatenate([normals, (normals * points).sum(axis=1, keepdims=True)], axis=1).astype(np.float32)
