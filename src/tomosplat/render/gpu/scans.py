"""Scans prepared for the GPU's ray marcher: for emission and absorption, or for highest and mean values."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import MemoryLimitError
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.layout import U8
from tomosplat.render.gpu.backend import free_memory
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.projecting import find_along
from tomosplat.render.gpu.volumes import (
    WARPS,
    ScanTensors,
    light_tensor,
    march_views,
    programs_of,
    view_numbers,
    voxel_gradients,
)
from tomosplat.render.raymarching.bricks import BRICK
from tomosplat.render.raymarching.frames import classify_scan, find_shown
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.raymarching.shading import gradient_to_world, light_of
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume


class GpuCompositor:
    """A scan prepared for emission and absorption on a GPU; the arguments are those of ``Compositor``, and a device.

    Raises:
        EmptySceneError: No sample can be visible.
        MemoryLimitError: The scan would not fit into the GPU's memory.
    """

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        functions: TransferFunctions,
        group_of_label: NDArray[np.uint8],
        shown: U8,
        settings: RaymarchSettings,
        device: torch.device,
    ) -> None:
        self._settings, shading = settings, settings.shading
        # Values, rows, float16 gradients, and three float32 arrays while these are found.
        _check_memory(volume, 25 if shading else 5, device)
        scan = classify_scan(volume, labels, functions, group_of_label, shown, settings)
        tables, n_nodes = scan.tables, scan.tables.n_nodes
        n_entries = tables.n_visible.shape[1]
        values = torch.from_numpy(scan.values).to(device)
        to_world = torch.from_numpy(gradient_to_world(volume.grid)).to(device, torch.float32)
        self._scan = ScanTensors(
            values=values,
            rows=torch.from_numpy(scan.row_of_label.astype(np.uint8)[scan.ids]).to(device),
            emission=torch.from_numpy(tables.emission).reshape(-1, n_entries, 4).to(device),
            low=float(tables.low),
            per_unit=float(tables.per_unit),
            grid=volume.grid,
            nodes=torch.from_numpy(tables.node).to(device) if n_nodes else None,
            pairs=torch.from_numpy(tables.pairs).reshape(-1, n_nodes, n_nodes, 4).to(device) if n_nodes else None,
            gradients=voxel_gradients(values, to_world) if shading else None,
            light=light_tensor(light_of(shading, volume), device) if shading else None,
            headlight=shading is None or shading.light is None,
            bricks=torch.from_numpy(scan.distances).to(device) if settings.skip_empty else None,
        )

    def draw(self, cameras: Cameras, progress: Progress | None) -> tuple[Tensor, Tensor]:
        """Pictures [C, H, W, 4] and depths [C, H, W], on the device."""
        return march_views(self._scan, cameras, self._settings, progress)


class GpuProjector:
    """A scan prepared for highest and mean values on a GPU; the arguments are those of ``Projector``, and a device.

    Raises:
        EmptySceneError: No voxel is visible.
        MemoryLimitError: The scan would not fit into the GPU's memory.
    """

    def __init__(
        self, volume: Volume, labels: LabelMap, shown: U8, settings: RaymarchSettings, device: torch.device
    ) -> None:
        self._grid, self._settings = volume.grid, settings
        _check_memory(volume, 5, device)
        scan = find_shown(volume, labels, shown)
        arrays = scan.values, shown[scan.ids], scan.distances, scan.highest
        self._scan = tuple(torch.from_numpy(array).to(device) for array in arrays)

    def draw(self, cameras: Cameras, progress: Progress | None) -> tuple[Tensor, Tensor]:
        """Highest or mean values [C, H, W], and depths [C, H, W] of the highest; NaN where a ray met nothing."""
        settings, values = self._settings, self._scan[0]
        size = len(cameras), cameras.height, cameras.width
        found, depth = torch.empty(size, device=values.device), torch.empty(size, device=values.device)
        for index in range(len(cameras)):
            view = view_numbers(cameras, index, self._grid, settings, values.device)
            launch(
                find_along,
                programs_of(cameras),
                *self._scan,
                view.numbers,
                found[index],
                depth[index],
                view.n_planes,
                *values.shape,
                *view.size,
                settings.step_mm,
                view.seed,
                JITTER=settings.jitter,
                MEAN=settings.mode == "average",
                SKIP=settings.skip_empty,
                BRICK=BRICK,
                num_warps=WARPS,
            )
            if progress:
                progress(index + 1, len(cameras))
        return found, depth


def _check_memory(volume: Volume, bytes_per_voxel: int, device: torch.device) -> None:
    needed, available = bytes_per_voxel * volume.grid.n_voxels, free_memory(device)
    if needed > available:
        raise MemoryLimitError(
            f"the scan needs {needed / 1e9:.1f} GB on '{device}' and {available / 1e9:.1f} GB are free; "
            "use a coarser grid, no shading, or device='cpu'"
        )
