"""One picture on the CPU: projection, depth sort, tile lists, compositing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tomosplat import machine
from tomosplat.errors import MemoryLimitError, UnitsError
from tomosplat.render.cpu import binning, portable
from tomosplat.render.cpu.backend import Lanes, pixel_centers
from tomosplat.render.cpu.collecting import collect
from tomosplat.render.cpu.compositing import composite
from tomosplat.render.cpu.compositing_backward import composite_backward
from tomosplat.render.cpu.layout import F32, F64, GRADIENT, I32, I64, RECORD, TILE, U8
from tomosplat.render.cpu.projection import project
from tomosplat.render.cpu.projection_backward import project_backward
from tomosplat.render.cpu.workspace import Spare, Workspace
from tomosplat.threads import n_threads, run, split

#: Bytes of a (tile, Gaussian) pair: two numbers before the counting sort, one after.
_PAIR_BYTES = 12
#: Each thread of the backward pass sums into 48 bytes per Gaussian of its own; more threads than this would not pay.
_MAX_GRADIENT_BUFFERS = 16

_SCRATCH, _KEPT = Spare(), Spare()


@dataclass(frozen=True)
class Parameters:
    """A scene as the kernels take it: contiguous float32, in the order of ``GaussianScene``."""

    direction_weight: float
    means: F32
    means_dir: F32
    covs: F32
    gains: F32
    precisions_dir: F32
    opacities: F32
    sh: F32
    labels: U8

    @property
    def differentiable(self) -> tuple[F32, ...]:
        """What gradients flow to."""
        return self.means, self.means_dir, self.covs, self.gains, self.precisions_dir, self.opacities, self.sh


@dataclass
class Frame:
    """What a picture leaves for its backward pass and for depth and coverage.

    Attributes:
        camera: See ``projection.camera_row``.
        records: [N * 16], see ``layout``.
        tile_starts: [tiles + 1], where each tile's list starts in ``lists``.
        lists: Indices of Gaussians, nearest first.
        n_blended: [tiles], how much of each list was blended before all its pixels were finished.
    """

    camera: F64
    records: F32
    tile_starts: I64
    lists: I32
    n_blended: I32


def draw(parameters: Parameters, visible: U8, camera: F64, exact: bool, lanes: Lanes, image: F32) -> Frame:
    """Render into image [H, W, 4].

    Raises:
        UnitsError: A Gaussian is not finite, overflows, or has a negative opacity or an impossible covariance.
        MemoryLimitError: The lists would not fit into memory.
    """
    n = len(parameters.means)
    height, width = image.shape[:2]
    tiles_x, tiles_y = -(-width // TILE), -(-height // TILE)
    kept = _KEPT.borrow()
    records = kept.take("records", n * int(RECORD), np.float32)
    n_blended = kept.take("n_blended", tiles_x * tiles_y, np.int32)
    with _SCRATCH.block() as scratch:
        tile_counts = scratch.take("tile_counts", n, np.int32)
        _project(parameters, visible, camera, tiles_x, tiles_y, records, tile_counts)
        tile_starts, lists = _bin(scratch, kept, records, tile_counts, tiles_x, tiles_y, exact)
    jobs = [
        (a, b, pixel_centers(lanes), records, tile_starts, lists, n_blended, image)
        for a, b in _even_jobs(tiles_x * tiles_y)
    ]
    run(portable.composite if lanes == 0 else composite, jobs)
    frame = Frame(camera, records, tile_starts, lists, n_blended)
    _KEPT.give_back_with(frame, kept)
    return frame


def collect_frame(parameters: Parameters, frame: Frame, groups: U8, depth: F32, coverage: F32) -> None:
    """Write depth [H, W] and coverage [H, W, L] of a picture that ``draw`` has made."""
    lists = (frame.records, frame.tile_starts, frame.lists, frame.n_blended)
    jobs = [(a, b, *lists, parameters.labels, groups, depth, coverage) for a, b in _even_jobs(len(frame.n_blended))]
    run(collect, jobs)


def draw_backward(
    parameters: Parameters,
    frame: Frame,
    lanes: Lanes,
    image: F32,
    image_gradient: F32,
    gradients: Sequence[F32],
    accumulate: bool,
) -> None:
    """Write the gradients of means, ..., sh, or add them to what is there.

    Runs to the same bits each time on the same number of threads.
    """
    n, n_tiles = len(parameters.means), len(frame.n_blended)
    n_buffers = min(n_threads(), _MAX_GRADIENT_BUFFERS, n_tiles)
    with _SCRATCH.block() as scratch:
        sums = scratch.take("gradients", n_buffers * n * int(GRADIENT), np.float32).reshape(n_buffers, -1)
        lists = (frame.records, frame.tile_starts, frame.lists, frame.n_blended)
        jobs = [(i, n_buffers, pixel_centers(lanes), *lists, image, image_gradient, sums[i]) for i in range(n_buffers)]
        run(portable.composite_backward if lanes == 0 else composite_backward, jobs)
        rest = (parameters.direction_weight, frame.camera, sums, accumulate, *gradients)
        arrays = parameters.differentiable
        run(project_backward, [(a, b, *arrays, *rest) for a, b in _even_jobs(n)])


def _even_jobs(n: int) -> list[tuple[int, int]]:
    """Ranges for kernels whose work is uneven: short enough to even it out, long enough that starting them is free."""
    return split(n, 8 * n_threads())


def _project(
    p: Parameters, visible: U8, camera: F64, tiles_x: int, tiles_y: int, records: F32, tile_counts: I32
) -> None:
    arrays = (*p.differentiable, p.labels, visible)
    rest = (p.direction_weight, camera, tiles_x, tiles_y, records, tile_counts)
    bad = run(project, [(a, b, *arrays, *rest) for a, b in _even_jobs(len(p.means))])
    first = min((index for index in bad if index >= 0), default=None)
    if first is not None:
        raise UnitsError(
            f"Gaussian {first} of {len(p.means)} cannot be projected: it is NaN or infinite, overflows float32, has a "
            "negative opacity or a covariance that is not positive semi-definite; remove such Gaussians (scene.select)"
        )


def _bin(
    scratch: Workspace, kept: Workspace, records: F32, tile_counts: I32, tiles_x: int, tiles_y: int, exact: bool
) -> tuple[I64, I32]:
    """List of Gaussians of each tile, nearest first: where each starts, and all lists in a row."""
    n, n_tiles = len(tile_counts), tiles_x * tiles_y
    keys = scratch.take("keys", 2 * n, np.uint32)
    order, spare = scratch.take("order", n, np.uint32), scratch.take("spare", n, np.uint32)
    n_drawn, order = binning.sort_by_depth(tile_counts, records.view(np.uint32), keys, order, spare)
    parts = split(n_drawn, n_threads())
    most = run(binning.count_pairs, [(a, b, order, tile_counts) for a, b in parts])
    _check_memory(sum(most))
    counts = scratch.take("counts", len(parts) * n_tiles, np.int64).reshape(len(parts), n_tiles)
    counts[:] = 0
    buffers = [
        (
            scratch.take(f"pair_tiles_{i}", m + binning.PAIR_SLACK, np.int32),
            scratch.take(f"pair_gaussians_{i}", m + binning.PAIR_SLACK, np.int32),
        )
        for i, m in enumerate(most)
    ]
    jobs = [
        (a, b, exact, records, order, tiles_x, tiles_y, *pairs, count)
        for (a, b), pairs, count in zip(parts, buffers, counts, strict=True)
    ]
    n_pairs = run(binning.emit_pairs, jobs)
    tile_starts = kept.take("tile_starts", n_tiles + 1, np.int64)
    binning.list_starts(counts, tile_starts)
    lists = kept.take("lists", int(tile_starts[-1]), np.int32)
    run(binning.scatter_pairs, [(m, *b, c, lists) for m, b, c in zip(n_pairs, buffers, counts, strict=True)])
    return tile_starts, lists


def _check_memory(n_pairs: int) -> None:
    needed, available = n_pairs * _PAIR_BYTES, machine.available_memory()
    if needed > available:
        raise MemoryLimitError(
            f"{n_pairs} pairs of a tile and a Gaussian need {needed / 1e9:.1f} GB and {available / 1e9:.1f} "
            "GB are free; render a smaller picture, move the camera back, or look for Gaussians that are far too large"
        )
