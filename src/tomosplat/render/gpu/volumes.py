"""Ray marching on the GPU: a labelled scan as tensors, and its pictures with or without gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.errors import BackendUnavailableError, InputError, MemoryLimitError
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.cpu.layout import U8
from tomosplat.render.gpu import rays
from tomosplat.render.gpu.backend import free_memory
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.marching import march
from tomosplat.render.gpu.marching_backward import march_backward
from tomosplat.render.raymarching.bricks import BRICK, find_visible, value_ranges
from tomosplat.render.raymarching.frames import check_visible, voxels_of
from tomosplat.render.raymarching.rays import View, view_of
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.raymarching.shading import Light, gradient_to_world, light_of
from tomosplat.render.raymarching.tables import SIZE as TABLE_SIZE
from tomosplat.render.raymarching.tables import rows_of_labels, tabulate
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume

_WIDE: int = rays.WIDE.value
_TALL: int = rays.TALL.value
#: Nothing waits at a barrier.
_WARPS = 1


@dataclass(frozen=True, eq=False)
class ScanTensors:
    """A labelled scan and its tabulated transfer functions, all on one device.

    Attributes:
        values: [I, J, K] float32, at least two voxels along each axis.
        rows: [I, J, K] uint8, row of ``emission`` for each voxel; row 0 is invisible.
        emission: [R, N, 4] float32, σ·rgb and σ in 1/mm at N even steps of the value.
        low: Value of the first entry.
        per_unit: Entries per unit of value.
        grid: Where the voxels are.
        gradients: [I, J, K, 4] float16, gradient per mm in world axes and one unused value; None without light.
        light: Direction x, y, z, ambient, diffuse, specular, shininess, fade² [8] float32; None without light.
        headlight: The light comes from the camera.
        bricks: Of BRICK³ voxels, how many bricks around each are empty too, uint8; None where nothing is skipped.
    """

    values: Tensor
    rows: Tensor
    emission: Tensor
    low: float
    per_unit: float
    grid: Grid
    gradients: Tensor | None = None
    light: Tensor | None = None
    headlight: bool = True
    bricks: Tensor | None = None


class GpuCompositor:
    """A scan prepared for emission and absorption on a GPU; the arguments are those of ``Compositor``, and a device.

    Raises:
        BackendUnavailableError: What is asked for is drawn on the CPU only.
        EmptySceneError: No sample can be visible.
        MemoryLimitError: The scan would not fit into the GPU's memory.
    """

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        functions: TransferFunctions,
        group_of_label: U8,
        shown: U8,
        settings: RaymarchSettings,
        device: torch.device,
    ) -> None:
        if settings.mode != "composite" or settings.classification != "post":
            raise BackendUnavailableError(
                f"on a GPU only mode 'composite' with classification 'post' is drawn, not {settings.mode!r} with "
                f"{settings.classification!r}; use device='cpu'"
            )
        self._settings, grid = settings, volume.grid
        values, ids = voxels_of(volume, labels)
        _check_memory(values.size, settings.shading is not None, device)
        lowest, highest = value_ranges(values, (0, 0, 0))
        used, rows = rows_of_labels(functions, group_of_label, shown)
        tables = tabulate(used, float(lowest.min()), float(highest.max()), settings.step_mm, preintegrated=False)
        distances, _ = find_visible(ids, rows, tables, lowest, highest)
        check_visible(distances)
        there = torch.from_numpy(values).to(device)
        to_world = torch.from_numpy(gradient_to_world(grid)).to(device, torch.float32)
        self._scan = ScanTensors(
            values=there,
            rows=torch.from_numpy(rows.astype(np.uint8)[ids]).to(device),
            emission=torch.from_numpy(tables.emission).reshape(-1, TABLE_SIZE, 4).to(device),
            low=float(tables.low),
            per_unit=float(tables.per_unit),
            grid=grid,
            gradients=voxel_gradients(there, to_world) if settings.shading else None,
            light=light_tensor(light_of(settings.shading, volume), device) if settings.shading else None,
            headlight=settings.shading is None or settings.shading.light is None,
            bricks=torch.from_numpy(distances).to(device) if settings.skip_empty else None,
        )

    def draw(self, cameras: Cameras, progress: Progress | None) -> tuple[Tensor, Tensor]:
        """Pictures [C, H, W, 4] and depths [C, H, W], on the device."""
        return march_views(self._scan, cameras, self._settings, progress)


def _check_memory(n_voxels: int, shaded: bool, device: torch.device) -> None:
    # Values, rows, float16 gradients, and three float32 arrays while these are found.
    needed, available = n_voxels * (25 if shaded else 5), free_memory(device)
    if needed > available:
        raise MemoryLimitError(
            f"the scan needs {needed / 1e9:.1f} GB on '{device}' and {available / 1e9:.1f} GB are free; "
            "use a coarser grid, no shading, or device='cpu'"
        )


def march_views(
    scan: ScanTensors, cameras: Cameras, settings: RaymarchSettings, progress: Progress | None = None
) -> tuple[Tensor, Tensor]:
    """Pictures [C, H, W, 4], premultiplied, and depths [C, H, W] mm (NaN where nothing was met).

    Differentiable in ``scan.values`` and ``scan.emission``; depths are not.

    Raises:
        InputError: A gradient is asked for with light or with empty bricks, which must be left out for that: what is
            empty may become visible.
    """
    if torch.is_grad_enabled() and (scan.values.requires_grad or scan.emission.requires_grad):
        if scan.gradients is not None or scan.bricks is not None:
            raise InputError("gradients of a scan need shading=None and skip_empty=False")
        pictures: tuple[Tensor, Tensor] = _March.apply(  # type: ignore[no-untyped-call]
            scan, cameras, settings, progress, scan.values, scan.emission
        )
        return pictures
    return _draw(scan, cameras, settings, progress)


def light_tensor(light: Light, device: torch.device) -> Tensor:
    """A light as the kernels take it."""
    numbers = (*light.direction, light.ambient, light.diffuse, light.specular, 2 * light.half_shininess, light.fade2)
    return torch.tensor([float(number) for number in numbers], dtype=torch.float32, device=device)


def voxel_gradients(values: Tensor, to_world: Tensor) -> Tensor:
    """Central differences [I, J, K, 4] float16 of a scan whose outermost voxels go on; ``to_world`` [3, 3] per mm."""
    found = values.new_zeros((*values.shape, 4), dtype=torch.float16)
    for axis in range(3):
        n = values.shape[axis]
        ahead = values.index_select(axis, torch.arange(1, n + 1, device=values.device).clamp_max(n - 1))
        behind = values.index_select(axis, torch.arange(-1, n - 1, device=values.device).clamp_min(0))
        slope = (ahead - behind) / 2
        for world in range(3):
            found[..., world] += (slope * to_world[world, axis]).to(torch.float16)
    return found


def _draw(
    scan: ScanTensors, cameras: Cameras, settings: RaymarchSettings, progress: Progress | None
) -> tuple[Tensor, Tensor]:
    device, size = scan.values.device, (len(cameras), cameras.height, cameras.width)
    rgba, depth = torch.empty(*size, 4, device=device), torch.empty(size, device=device)
    nothing = torch.zeros(1, device=device)
    skipped = nothing.to(torch.uint8) if scan.bricks is None else scan.bricks
    for index in range(len(cameras)):
        view, rest = _arguments(scan, cameras, index, settings)
        launch(
            march,
            _programs(cameras),
            scan.values,
            scan.rows,
            scan.emission,
            nothing if scan.gradients is None else scan.gradients,
            skipped,
            nothing if scan.light is None else scan.light,
            view,
            rgba[index],
            depth[index],
            *rest,
            JITTER=settings.jitter,
            SHADED=scan.gradients is not None,
            HEADLIGHT=scan.headlight,
            SKIP=scan.bricks is not None,
            BRICK=BRICK,
            num_warps=_WARPS,
        )
        if progress:
            progress(index + 1, len(cameras))
    return rgba, depth


def _programs(cameras: Cameras) -> int:
    across, down = -(-cameras.width // _WIDE), -(-cameras.height // _TALL)
    return across * down


def _arguments(scan: ScanTensors, cameras: Cameras, index: int, settings: RaymarchSettings) -> tuple[Tensor, Any]:
    """One view as the kernels take it, and the numbers that follow."""
    view: View = view_of(cameras, index, scan.grid, settings)
    numbers = np.concatenate([part.ravel() for part in (view.origin, view.to_world, view.to_index, view.planes)])
    sizes = len(view.planes), *scan.values.shape, scan.emission.shape[1]
    picture = cameras.width, cameras.height, -(-cameras.width // _WIDE)
    rest = (*sizes, *picture, scan.low, scan.per_unit, settings.step_mm, int(np.uint32(view.seed).astype(np.int32)))
    return torch.from_numpy(numbers).to(scan.values.device), rest


class _March(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        scan: ScanTensors,
        cameras: Cameras,
        settings: RaymarchSettings,
        progress: Progress | None,
        values: Tensor,
        emission: Tensor,
    ) -> tuple[Tensor, Tensor]:
        rgba, depth = _draw(scan, cameras, settings, progress)
        ctx.scan, ctx.cameras, ctx.settings = scan, cameras, settings
        ctx.save_for_backward(rgba, values, emission)
        ctx.mark_non_differentiable(depth)
        return rgba, depth

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, rgba_gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        rgba, values, emission = ctx.saved_tensors
        g_values, g_emission = torch.zeros_like(values), torch.zeros_like(emission)
        rgba_gradient = rgba_gradient.contiguous()
        for index in range(len(ctx.cameras)):
            view, rest = _arguments(ctx.scan, ctx.cameras, index, ctx.settings)
            launch(
                march_backward,
                _programs(ctx.cameras),
                values.detach(),
                ctx.scan.rows,
                emission.detach(),
                view,
                rgba[index].detach(),
                rgba_gradient[index],
                g_values,
                g_emission,
                *rest,
                JITTER=ctx.settings.jitter,
                num_warps=_WARPS,
            )
        wanted = ctx.needs_input_grad[4:]
        return None, None, None, None, g_values if wanted[0] else None, g_emission if wanted[1] else None
