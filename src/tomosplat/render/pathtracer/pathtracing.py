"""``pathtrace``: optical volume → images of the light that it scatters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tomosplat import machine
from tomosplat.errors import GeometryError, MemoryLimitError
from tomosplat.geometry import Cameras
from tomosplat.lighting import LightRig
from tomosplat.lighting.environment import Environment
from tomosplat.render.pathtracer.output import PathTraceOutput, estimate, gather
from tomosplat.render.pathtracer.settings import PathTraceSettings
from tomosplat.report import Progress
from tomosplat.volume.volume import OpticalVolume

#: Called with the camera's index and its picture so far, as an output with one picture.
OnPass = Callable[[int, PathTraceOutput], None]

_DEFAULTS = PathTraceSettings()
#: Samples before an estimate of the error is trusted to end a picture.
_TRUSTED = 16
#: Bytes per pixel of the sums of the picture being traced, and of every finished one.
_SUM_BYTES, _PICTURE_BYTES = 56, 28


def pathtrace(
    optical: OpticalVolume,
    cameras: Cameras,
    lights: LightRig | Environment,
    *,
    environment: Environment | None = None,
    settings: PathTraceSettings = _DEFAULTS,
    progress: Progress | None = None,
    on_pass: OnPass | None = None,
) -> PathTraceOutput:
    """Trace the light that a scan scatters into every camera: the reference for everything else that renders.

    Solves the radiative transfer equation without emission (Chandrasekhar 1960) by Monte Carlo: delta tracking to
    collisions, ratio tracking to lights, direct light and phase function combined by multiple importance sampling
    with the balance heuristic (Veach 1997), roulette at real collisions only. Unbiased up to ``settings.max_depth``
    and ``settings.max_albedo``; the surface mode is a look on top. Not differentiable. The picture depends on the
    arguments and the seed alone, neither on the number of threads nor on the passes.

    Extinction between voxels is trilinear, albedo is linear(rgb), interpolated with extinction as its weight; both go
    on unchanged from the outermost voxels' centres to their faces, and beyond the grid there is nothing. Organs are
    switched off in ``apply_transfer``, so before anything is interpolated. Area lights shine from their front, hide
    what is behind them, and like the environment are not seen by the camera. The camera may be inside the scan.

    Args:
        optical: What is visible.
        cameras: Pinhole cameras without skew; pixels are box-filtered.
        lights: A rig, placed around ``optical.grid.bounds``, or an environment alone.
        environment: Replaces the rig's own environment.
        settings: How to trace.
        progress: Called after each pass with samples done and samples in all, summed over the cameras.
        on_pass: Called after each pass of a camera; samples double from pass to pass, so a picture sharpens.

    Raises:
        EmptySceneError: Nothing in ``optical`` is visible.
        UnitsError: ``optical`` holds NaN, infinite or negative values, or colours above 1.
        InputError: Nothing shines.
        GeometryError: A camera has skewed pixels.
        MemoryLimitError: The scan or the pictures would not fit into memory.
    """
    _check_cameras(cameras)
    _check_memory(cameras)
    # Kernels are loaded once it is known that they are needed.
    from tomosplat.render.pathtracer.scene import Scene

    rig = lights if isinstance(lights, LightRig) else LightRig("environment", (0.0, 0.0, 0.0), ())
    if environment is None:
        environment = lights if isinstance(lights, Environment) else Environment.constant(rig.environment)
    scene = Scene.build(optical, rig, environment, settings)
    pictures = []
    for index in range(len(cameras)):
        follow = _Follower(index, len(cameras), settings, progress, on_pass)
        scene.trace(cameras, index, settings, follow)
        pictures.append(follow.picture)
    return gather(pictures, cameras)


class _Follower:
    """Watches a picture sharpen: keeps its estimate and says when it is good enough."""

    picture: PathTraceOutput

    def __init__(
        self, index: int, n_cameras: int, settings: PathTraceSettings, progress: Progress | None, on_pass: OnPass | None
    ) -> None:
        self._index, self._n_cameras, self._settings = index, n_cameras, settings
        self._progress, self._on_pass = progress, on_pass

    def __call__(self, sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]], samples: int) -> bool:
        target = self._settings.target_error
        last = samples == self._settings.samples
        if not (last or self._on_pass or target is not None):
            self._report(samples)
            return False
        self.picture = estimate(sums, samples)
        if target is not None and samples >= _TRUSTED:
            last = last or float(self.picture.relative_error[0]) <= target
        # A picture that is done early counts as all its samples, so that progress ends at its total.
        self._report(self._settings.samples if last else samples)
        if self._on_pass:
            self._on_pass(self._index, self.picture)
        return last

    def _report(self, samples: int) -> None:
        if self._progress:
            each = self._settings.samples
            self._progress(self._index * each + samples, self._n_cameras * each)


def _check_cameras(cameras: Cameras) -> None:
    pinhole = cameras.Ks.copy()
    pinhole[:, (0, 1, 0, 1), (0, 1, 2, 2)] = (1, 1, 0, 0)
    skewed = np.flatnonzero((pinhole != np.eye(3)).any(axis=(1, 2)))
    if len(skewed):
        raise GeometryError(
            f"camera {skewed[0]} has K = {cameras.Ks[skewed[0]].tolist()}; path tracing needs a pinhole without skew, "
            "K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
        )


def _check_memory(cameras: Cameras) -> None:
    pixels = cameras.height * cameras.width
    needed = pixels * (_SUM_BYTES + 3 * _PICTURE_BYTES + 2 * _PICTURE_BYTES * len(cameras))
    available = machine.available_memory()
    if needed > available:
        raise MemoryLimitError(
            f"{len(cameras)} pictures of {cameras.width}x{cameras.height} need {needed / 1e9:.1f} GB and "
            f"{available / 1e9:.1f} GB are free; trace fewer at once or smaller ones"
        )
