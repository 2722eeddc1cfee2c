"""One picture on the GPU: projection, depth sort, tile lists, compositing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.errors import UnitsError
from tomosplat.render.gpu import layout
from tomosplat.render.gpu.binning import Queue, TileLists, check_room, list_tiles, sort_by_depth, tile_grid
from tomosplat.render.gpu.collecting import collect_coverage, collect_depth
from tomosplat.render.gpu.compositing import CHECK_EVERY, WARPS, composite
from tomosplat.render.gpu.compositing_backward import WARPS as WARPS_BACKWARD
from tomosplat.render.gpu.compositing_backward import composite_backward
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.projection import project
from tomosplat.render.gpu.projection_backward import project_backward

RECORD, GRADIENT = layout.RECORD.value, layout.GRADIENT.value
#: Gaussians that one program projects.
_BLOCK = 128
#: Groups whose coverage one program collects.
_GROUPS = 4


@dataclass(frozen=True)
class Parameters:
    """A scene as the kernels take it.

    Attributes:
        direction_weight: λ of the opacity weight.
        tensors: means, means_dir, covs, gains, precisions_dir, opacities, sh: float32 and row by row [N, ...], or, with
            ``planes``, any float dtype and value by value [..., N].
        labels: [N] uint8.
        planes: How the tensors stand in memory. Rows are what gradients are returned for; planes load faster.
    """

    direction_weight: float
    tensors: tuple[Tensor, ...]
    labels: Tensor
    planes: bool = False

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Projection:
    """Records of all Gaussians, and what binning needs (see ``layout``).

    Attributes:
        records: [N, RECORD].
        outlines: [N_OUTLINE, N].
        depths: [N] mm, infinite for what is not drawn.
        tile_counts: [N] int32, tiles in each box.
        bad: [1] int32, the first Gaussian that cannot be projected, or N.
    """

    records: Tensor
    outlines: Tensor
    depths: Tensor
    tile_counts: Tensor
    bad: Tensor


@dataclass(frozen=True)
class Frame:
    """What a picture leaves for its backward pass and for depth and coverage.

    Attributes:
        camera: [20] float64 on the device, see ``projection.camera_row``.
        records: [N, RECORD].
        lists: Gaussians of each tile.
        n_blended: [tiles] int32, how much of each list was blended before all its pixels were finished.
    """

    camera: Tensor
    records: Tensor
    lists: TileLists
    n_blended: Tensor


def project_scene(p: Parameters, visible: Tensor, camera: Tensor, width: int, height: int) -> Projection:
    """Project all Gaussians whose label's entry in ``visible`` [256] uint8 is not 0."""
    n, device = len(p), camera.device
    out = Projection(
        records=torch.empty(n, RECORD, device=device),
        outlines=torch.empty(layout.N_OUTLINE, n, device=device),
        depths=torch.empty(n, device=device),
        tile_counts=torch.empty(n, dtype=torch.int32, device=device),
        bad=torch.full((1,), n, dtype=torch.int32, device=device),
    )
    written = (out.records, out.outlines, out.depths, out.tile_counts, out.bad)
    sizes = (n, *tile_grid(width, height), p.direction_weight)
    arrays = (*p.tensors, p.labels, visible, camera, *written)
    launch(project, -(-n // _BLOCK), *arrays, *sizes, PLANES=p.planes, BLOCK=_BLOCK)
    return out


def composite_lists(records: Tensor, lists: TileLists, image: Tensor) -> Tensor:
    """Blend into image [H, W, 4]; return how much of each list that took, [tiles] int32."""
    height, width = image.shape[:2]
    tiles_x, tiles_y = tile_grid(width, height)
    n_blended = torch.empty(tiles_x * tiles_y, dtype=torch.int32, device=image.device)
    arrays = (records, *lists, image, n_blended)
    launch(composite, len(n_blended), *arrays, width, height, tiles_x, CHECK_EVERY=CHECK_EVERY, num_warps=WARPS)
    return n_blended


def draw(p: Parameters, visible: Tensor, camera: Tensor, exact: bool, image: Tensor) -> Frame:
    """Render into image [H, W, 4].

    Raises:
        UnitsError: A Gaussian is not finite, overflows, or has a negative opacity or an impossible covariance.
        MemoryLimitError: The lists would not fit into memory.
    """
    height, width = image.shape[:2]
    projected = project_scene(p, visible, camera, width, height)
    queue = sort_by_depth(projected.depths, projected.tile_counts)
    capacity = checked_pairs(projected, queue)
    lists = list_tiles(
        projected.records,
        projected.outlines,
        projected.tile_counts,
        queue,
        capacity,
        *tile_grid(width, height),
        exact,
    )
    return Frame(camera, projected.records, lists, composite_lists(projected.records, lists, image))


def collect_frame(p: Parameters, frame: Frame, groups: Tensor, depth: Tensor | None, coverage: Tensor | None) -> None:
    """Write depth [H, W], and coverage [H, W, L] by ``groups`` [L, 256], of a picture that ``draw`` has made."""
    arrays = (frame.records, *frame.lists, frame.n_blended)
    n_tiles = len(frame.n_blended)
    if depth is not None:
        height, width = depth.shape
        tiles_x, _ = tile_grid(width, height)
        launch(collect_depth, n_tiles, *arrays, depth, width, height, tiles_x, num_warps=WARPS)
    if coverage is not None:
        height, width, n_groups = coverage.shape
        tiles_x, _ = tile_grid(width, height)
        sizes = (n_groups, width, height, tiles_x)
        programs = n_tiles * -(-n_groups // _GROUPS)
        launch(collect_coverage, programs, *arrays, p.labels, groups, coverage, *sizes, PART=_GROUPS)


def draw_backward(
    p: Parameters, frame: Frame, image: Tensor, image_gradient: Tensor, gradients: Sequence[Tensor]
) -> None:
    """Add to the gradients of means, ..., sh. The order of additions, and so the last bits, vary between runs."""
    n, (height, width) = len(p), image.shape[:2]
    tiles_x, _ = tile_grid(width, height)
    sums = torch.zeros(n, GRADIENT, device=image.device)
    arrays = (frame.records, *frame.lists, frame.n_blended, image, image_gradient, sums)
    launch(composite_backward, len(frame.n_blended), *arrays, width, height, tiles_x, num_warps=WARPS_BACKWARD)
    rest = (n, p.direction_weight)
    launch(project_backward, -(-n // _BLOCK), *p.tensors, frame.camera, sums, *gradients, *rest, BLOCK=_BLOCK)


def checked_pairs(projected: Projection, queue: Queue) -> int:
    """Number of pairs of a tile and a Gaussian; waits for the GPU.

    Raises:
        UnitsError: A Gaussian cannot be projected.
        MemoryLimitError: The lists would not fit into memory.
    """
    n = len(projected.depths)
    if n == 0:
        return 0
    n_pairs, bad = torch.cat([queue.ends[-1:], projected.bad]).tolist()
    if bad < n:
        raise UnitsError(
            f"Gaussian {bad} of {n} cannot be projected: it is NaN or infinite, overflows float32, has a "
            "negative opacity or a covariance that is not positive semi-definite; remove such Gaussians (scene.select)"
        )
    check_room(n_pairs, projected.depths.device)
    return int(n_pairs)
