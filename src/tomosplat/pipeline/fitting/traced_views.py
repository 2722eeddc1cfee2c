"""Views that are path-traced in the background while they are being fitted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.fitting import View
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras, fibonacci_directions, frame_points
from tomosplat.lighting import LightRig
from tomosplat.pipeline.datasets.next_views import most_unseen_first
from tomosplat.pipeline.fitting.options import TracedViews
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceOutput, PathTraceSettings, denoise, pathtrace
from tomosplat.volume import OpticalVolume

#: Cameras to choose from for each view.
_CANDIDATES = 3
#: Every view starts with this share of its samples, then all are refined.
_FIRST_SHARE = 4
#: Seeds of one round are apart from those of the next by this.
_SEEDS_PER_ROUND = 100_000


def chosen_cameras(scene: GaussianScene, optical: OpticalVolume, options: TracedViews) -> Cameras:
    """Cameras around what is visible, those first that show most of what those before do not."""
    directions = fibonacci_directions(_CANDIDATES * options.n_views)
    candidates = frame_points(optical_outline(optical), directions, options.size, options.size)
    return candidates[most_unseen_first(scene, candidates, options.n_views)]


def can_denoise() -> bool:
    """Whether the extra "denoise" is installed."""
    return find_spec("mitsuba_oidn") is not None


class Tracer:
    """Traces views on a thread of its own; a context that ends it.

    First every view with few samples, then all again and again until each has its samples: the earlier a view is there,
    the more steps it takes part in, and Adam averages over noise that differs from round to round.

    Attributes:
        views: What is there so far; grows, and its members get better.
        samples: Paths per pixel traced so far, over all views.
    """

    def __init__(
        self, optical: OpticalVolume, rig: LightRig, cameras: Cameras, options: TracedViews, seed: int, *, clean: bool
    ) -> None:
        self.views: list[View] = []
        self.samples = 0
        self._optical, self._rig, self._cameras, self._clean = optical, rig, cameras, clean
        self._rounds = _rounds(options.samples)
        self._seed = seed
        self._sums: list[NDArray[np.float64]] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="tracer", daemon=True)

    def __enter__(self) -> Tracer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._thread.join()

    def wait_for(self, n: int) -> None:
        """Return once ``n`` views are there; what went wrong while tracing is raised here."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.views) >= n or self._error is not None)
        if self._error is not None:
            raise self._error

    def keep_pace(self, done: int, total: int) -> None:
        """Let a fit be no further than the views: half way once all are there."""
        self.wait_for(min(len(self._cameras), 2 + 2 * done * len(self._cameras) // max(total, 1)))

    def _work(self) -> None:
        try:
            for number, samples in enumerate(self._rounds):
                for index in range(len(self._cameras)):
                    if self._stopped:
                        return
                    self._refine(number, index, samples)
        except BaseException as error:  # it is raised where the views are waited for
            self._error = error
        finally:
            with self._changed:
                self._changed.notify_all()

    def _refine(self, number: int, index: int, samples: int) -> None:
        seed = (self._seed + number) * _SEEDS_PER_ROUND + index
        camera = self._cameras[index : index + 1]
        traced = pathtrace(self._optical, camera, self._rig, settings=PathTraceSettings(samples=samples, seed=seed))
        light = np.concatenate([traced.radiance[0], traced.alpha[0, ..., None]], axis=-1, dtype=np.float64) * samples
        self.samples += samples
        if number == 0:
            self._sums.append(light)
        else:
            self._sums[index] += light
        mean = (self._sums[index] / sum(self._rounds[: number + 1])).astype(np.float32)
        view = View(camera, torch.from_numpy(self._encoded(mean)))
        with self._changed:
            if number == 0:
                self.views.append(view)
            else:
                self.views[index] = view
            self._changed.notify_all()

    def _encoded(self, mean: NDArray[np.float32]) -> NDArray[np.float32]:
        error = np.full_like(mean[None, ..., :3], np.nan)
        picture = PathTraceOutput(mean[None, ..., :3], mean[None, ..., 3], error, np.array([1], np.int64))
        encoded: NDArray[np.float32] = (denoise(picture) if self._clean else picture).encoded()[0]
        return encoded


def _rounds(samples: int) -> Sequence[int]:
    """Samples of each round: equal parts, the last takes what is left over."""
    each = max(1, samples // _FIRST_SHARE)
    n = max(1, samples // each)
    return [each] * (n - 1) + [samples - each * (n - 1)]
