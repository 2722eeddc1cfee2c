"""``raymarch``: classic direct volume rendering of a labelled scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat import machine
from tomosplat.errors import GeometryError, LabelError, MemoryLimitError, ShapeError, UnitsError
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.layout import U8
from tomosplat.render.gpu.backend import check_gpu, free_memory
from tomosplat.render.rasterization import RenderOutput
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.tables import label_table
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume


@dataclass(frozen=True)
class RaymarchOutput(RenderOutput):
    """C pictures of a scan, as :class:`RenderOutput` describes them.

    ``depth`` is the mean over what adds to alpha, in "mip" mode that of the highest value, and None in "average" mode.

    Attributes:
        values: [C, H, W] float32, what "mip" or "average" found, in the volume's unit (HU for CT); NaN where a ray met
            nothing that is shown. None in "composite" mode.
    """

    values: Tensor | None = None


def raymarch(
    volume: Volume,
    labels: LabelMap,
    functions: TransferFunctions,
    group_of_label: NDArray[np.uint8],
    cameras: Cameras,
    *,
    settings: RaymarchSettings | None = None,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> RaymarchOutput:
    """Render a labelled scan by marching along view rays.

    In "composite" mode (Levoy 1988; Max 1995) colour = Σ_n T_n (1 − exp(−σ_n Δ_n)) c_n and T_n = exp(−Σ_{m<n} σ_m Δ_m),
    front to back. Values are interpolated before they are classified; labels act as trilinear memberships, so where
    organs of two groups meet, the extinctions and emissions that both groups' functions give the one interpolated
    value are blended. (Classifying voxels first and interpolating their colours would blur every edge.) "mip" and
    "average" show values in grey, whatever the functions are; a label counts there for its nearest voxels.
    A ray ends where less than 1/256 of the light passes.

    Args:
        volume: The scan, on any grid: oblique, anisotropic, in any order of axes. Nothing is resampled.
        labels: Labels on the same grid.
        functions: A function for each group; groups without one are invisible.
        group_of_label: [256] group index of every label id (``tomosplat.anatomy.GROUP_OF_LABEL``).
        cameras: Pinhole cameras, also inside the scan.
        settings: Step, mode, light, clip planes, ...; None is ``RaymarchSettings()``.
        device: Where to march: "cpu", or "cuda" for a GPU.
        progress: Called after each camera.

    Returns:
        Pictures on that device; rays that miss are exactly 0. Not differentiable.

    Raises:
        LabelError: The labels are on another grid, or ``visible`` holds what is no label id.
        UnitsError: The volume is not in the unit of the functions.
        ShapeError: ``group_of_label`` is not [256].
        GeometryError: A camera is no pinhole.
        EmptySceneError: No voxel is visible.
        MemoryLimitError: The pictures would not fit into memory.
        BackendUnavailableError: A GPU is asked for that is not there.
    """
    marcher = Raymarcher(volume, labels, functions, group_of_label, settings=settings, device=device)
    return marcher.draw(cameras, progress)


class Raymarcher:
    """A labelled scan prepared for any number of views; takes the arguments of :func:`raymarch` and raises its errors.

    Tables, empty bricks and gradients are found once, so every ``draw`` costs no more than its rays.
    """

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        functions: TransferFunctions,
        group_of_label: NDArray[np.uint8],
        *,
        settings: RaymarchSettings | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self._settings = settings = settings or RaymarchSettings()
        _check(volume, labels, functions, group_of_label)
        shown = label_table(settings.visible, "visible")
        _check_memory(volume)
        self._device = torch.device(device)
        if self._device.type != "cpu":
            check_gpu(self._device)
        composite, project = _what_draws(self._device)
        self._views: Any
        if settings.mode == "composite":
            self._views = composite(volume, labels, functions, group_of_label, shown, settings)
        else:
            self._views = project(volume, labels, shown, settings)
            self._window = settings.window or _default_window(volume, labels, shown, settings)

    def draw(self, cameras: Cameras, progress: Progress | None = None) -> RaymarchOutput:
        """Draw the scan from each camera, which are drawn alike whether they come together or one by one."""
        _check_pinholes(cameras)
        _check_memory_of_pictures(cameras, self._device)
        pictures, depth = (torch.as_tensor(part) for part in self._views.draw(cameras, progress))
        if self._settings.mode == "composite":
            return RaymarchOutput(pictures, depth)
        return RaymarchOutput(
            windowed(pictures, *self._window), depth if self._settings.mode == "mip" else None, values=pictures
        )


def _what_draws(device: torch.device) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What prepares a scan for compositing and for projecting; loaded only now, for it brings compiled kernels."""
    if device.type == "cpu":
        from tomosplat.render.raymarching.frames import Compositor, Projector

        return Compositor, Projector
    from tomosplat.render.gpu.scans import GpuCompositor, GpuProjector

    return partial(GpuCompositor, device=device), partial(GpuProjector, device=device)


def _default_window(volume: Volume, labels: LabelMap, shown: U8, settings: RaymarchSettings) -> tuple[float, float]:
    """What ``RaymarchSettings.window`` promises."""
    met = shown[labels.values].astype(bool)
    found = []
    for axis in range(3):
        lengths = met.sum(axis)
        if settings.mode == "mip":
            seen = volume.values.max(axis, where=met, initial=-np.inf)
        else:
            seen = volume.values.sum(axis, where=met, dtype=np.float64) / np.maximum(lengths, 1)
        found.append(seen[lengths > 0])
    low, high = np.percentile(np.concatenate(found), (1, 99)).tolist()
    return low, high


def windowed(values: Tensor, low: float, high: float) -> Tensor:
    """Grey RGBA [..., 4] of values [...]: black at ``low``, white at ``high``; nothing where a value is NaN."""
    met = values.isfinite()
    # A volume of one value has no range: it is black.
    grey = ((torch.where(met, values, low) - low) / ((high - low) or 1.0)).clamp(0, 1)
    return torch.stack([grey, grey, grey, met.to(grey.dtype)], dim=-1)


def _check(volume: Volume, labels: LabelMap, functions: TransferFunctions, group_of_label: NDArray[np.uint8]) -> None:
    if not labels.grid.matches(volume.grid):
        raise LabelError(f"labels are on another grid ({labels.grid}) than the volume ({volume.grid}); resample them")
    if volume.unit != functions.unit:
        raise UnitsError(
            f"transfer functions {functions.name!r} are for values in {functions.unit}, the volume's are "
            f"{volume.unit}; rescale the volume or choose other functions"
        )
    if group_of_label.shape != (256,):
        raise ShapeError(f"group_of_label must have one group for each of 256 ids, got shape {group_of_label.shape}")


def _check_pinholes(cameras: Cameras) -> None:
    wrong = np.flatnonzero((cameras.Ks[:, 2] != (0, 0, 1)).any(axis=1) | (cameras.Ks[:, 1, 0] != 0))
    if len(wrong):
        raise GeometryError(
            f"camera {wrong[0]} has K = {cameras.Ks[wrong[0]].tolist()}; expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]]"
        )


def _check_memory(volume: Volume) -> None:
    copies = 0 if volume.values.flags.c_contiguous else 5 * volume.grid.n_voxels
    available = machine.available_memory()
    if copies > available:
        raise MemoryLimitError(
            f"a copy of the scan in memory order needs {copies / 1e9:.1f} GB and {available / 1e9:.1f} GB are free"
        )


def _check_memory_of_pictures(cameras: Cameras, device: torch.device) -> None:
    pictures, available = 24 * len(cameras) * cameras.height * cameras.width, free_memory(device)
    if pictures > available:
        raise MemoryLimitError(
            f"{len(cameras)} pictures of {cameras.width}x{cameras.height} need {pictures / 1e9:.1f} GB and "
            f"{available / 1e9:.1f} GB are free; render fewer at once or smaller"
        )
