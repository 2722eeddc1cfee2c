"""Ray marching on the GPU: a labelled scan as tensors, and its pictures with or without gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.errors import InputError
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.gpu import rays
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.marching import march
from tomosplat.render.gpu.marching_backward import march_backward
from tomosplat.render.raymarching.bricks import BRICK
from tomosplat.render.raymarching.rays import View, view_of
from tomosplat.render.raymarching.settings import RaymarchSettings
from tomosplat.render.raymarching.shading import Light
from tomosplat.report import Progress

_WIDE: int = rays.WIDE.value
_TALL: int = rays.TALL.value
#: Nothing waits at a barrier.
WARPS = 1


@dataclass(frozen=True, eq=False)
class ScanTensors:
    """A labelled scan and its tabulated transfer functions, all on one device.

    Attributes:
        values: [I, J, K] float32, at least two voxels along each axis.
        rows: [I, J, K] uint8, row of ``emission`` for each voxel; row 0 is invisible.
        emission: [R, N, 4] float32, σ·rgb and σ in 1/mm at N even steps of the value.
        nodes: [N] float32, where each entry stands among the M nodes of ``pairs``; None without pre-integration.
        pairs: [R, M, M, 4] float32, means of ``emission`` over all values between two nodes, front and back.
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
    nodes: Tensor | None = None
    pairs: Tensor | None = None
    gradients: Tensor | None = None
    light: Tensor | None = None
    headlight: bool = True
    bricks: Tensor | None = None


def march_views(
    scan: ScanTensors, cameras: Cameras, settings: RaymarchSettings, progress: Progress | None = None
) -> tuple[Tensor, Tensor]:
    """Pictures [C, H, W, 4], premultiplied, and depths [C, H, W] mm (NaN where nothing was met).

    Differentiable in ``scan.values`` and ``scan.emission``; depths are not.

    Raises:
        InputError: A gradient is asked for with light, pre-integration or empty bricks, which must be left out for
            that: what is empty may become visible.
    """
    if torch.is_grad_enabled() and (scan.values.requires_grad or scan.emission.requires_grad):
        if scan.gradients is not None or scan.pairs is not None or scan.bricks is not None:
            raise InputError("gradients of a scan need shading=None, classification='post' and skip_empty=False")
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
    optional = (
        nothing if scan.nodes is None else scan.nodes,
        nothing if scan.gradients is None else scan.gradients,
        nothing.to(torch.uint8) if scan.bricks is None else scan.bricks,
        nothing if scan.light is None else scan.light,
    )
    table = scan.emission if scan.pairs is None else scan.pairs
    for index in range(len(cameras)):
        view, rest = _arguments(scan, cameras, index, settings)
        launch(
            march,
            programs_of(cameras),
            scan.values,
            scan.rows,
            table,
            *optional,
            view,
            rgba[index],
            depth[index],
            *rest,
            table.shape[1],
            JITTER=settings.jitter,
            PREINTEGRATED=scan.pairs is not None,
            SHADED=scan.gradients is not None,
            HEADLIGHT=scan.headlight,
            SKIP=scan.bricks is not None,
            BRICK=BRICK,
            num_warps=WARPS,
        )
        if progress:
            progress(index + 1, len(cameras))
    return rgba, depth


def programs_of(cameras: Cameras) -> int:
    """How many programs draw a picture."""
    across, down = -(-cameras.width // _WIDE), -(-cameras.height // _TALL)
    return across * down


class ViewNumbers(NamedTuple):
    """One view as the kernels take it: what ``rays.rays_of`` reads, sizes, and the seed."""

    numbers: Tensor
    n_planes: int
    size: tuple[int, int, int]
    seed: int


def view_numbers(
    cameras: Cameras, index: int, grid: Grid, settings: RaymarchSettings, device: torch.device
) -> ViewNumbers:
    """The view of one camera on a grid."""
    view: View = view_of(cameras, index, grid, settings)
    numbers = np.concatenate([part.ravel() for part in (view.origin, view.to_world, view.to_index, view.planes)])
    picture = cameras.width, cameras.height, -(-cameras.width // _WIDE)
    return ViewNumbers(
        torch.from_numpy(numbers).to(device), len(view.planes), picture, int(np.uint32(view.seed).astype(np.int32))
    )


def _arguments(scan: ScanTensors, cameras: Cameras, index: int, settings: RaymarchSettings) -> tuple[Tensor, Any]:
    """One view as the kernels take it, and the numbers that follow."""
    view = view_numbers(cameras, index, scan.grid, settings, scan.values.device)
    sizes = view.n_planes, *scan.values.shape, scan.emission.shape[1]
    return view.numbers, (*sizes, *view.size, scan.low, scan.per_unit, settings.step_mm, view.seed)


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
                programs_of(ctx.cameras),
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
                num_warps=WARPS,
            )
        wanted = ctx.needs_input_grad[4:]
        return None, None, None, None, g_values if wanted[0] else None, g_emission if wanted[1] else None
