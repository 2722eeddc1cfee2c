"""Light for every Gaussian by path tracing: what arrives where cameras could see, gathered and denoised."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tomosplat.errors import InputError
from tomosplat.gaussians import BlockMoments
from tomosplat.gaussians.shading import MAX_ALBEDO, MULTIPLE_SCATTERING, srgb_to_linear
from tomosplat.lighting import LightRig, Neighbours
from tomosplat.lighting.environment import Environment
from tomosplat.render.marched_light import march_blocks
from tomosplat.render.pathtracer.kernels import F32, I64
from tomosplat.render.pathtracer.settings import PathTraceSettings
from tomosplat.threads import run
from tomosplat.volume.volume import OpticalVolume

_LINES_PER_ENTRY, _MOST_LINES = 64, 4_000_000
_LINES_PER_JOB = 1 << 14
#: What is known from the neighbours counts as much as this many hits of a Gaussian's own (flat between 1 and 12).
_PRIOR_HITS = np.float32(4)
#: Reach of neighbours in 2×2×2 blocks, and their weights: near ones, and far ones where those were not hit.
_REACHES = ((0.8, 1.0), (2.5, 0.05))
#: Weight of the marched light itself, in hits, beside its neighbours' hits.
_MARCHED_HITS = np.float32(1e-4)
#: Added to every albedo that weighs light or divides it: black tissue has light, too.
_LEAST_ALBEDO = np.float32(0.01)


class BakedLight(NamedTuple):
    """Light at N entries of ``block_moments``.

    Attributes:
        arriving: [N, 3] float32 linear RGB, J as ``shade`` takes it: what is scattered again is left to ``shade``,
            which gives the colour that was baked.
        hits: [N] int64, how many lines saw the entry.
    """

    arriving: F32
    hits: I64


def bake_light(
    optical: OpticalVolume, rig: LightRig, blocks: BlockMoments, *, n_lines: int | None = None, seed: int = 0
) -> BakedLight:
    """Trace the light that Gaussians scatter towards cameras, all orders of scattering.

    Random lines through the scan are tracked to their first collision, as a camera's rays are by ``pathtrace``; a path
    from there finds the light that arrives. With an isotropic phase function it is the same for all directions in
    which it is scattered, so it belongs to the matter alone: to the entry of the block and label that was hit. Each
    entry takes the mean of its hits, shrunk towards marched light that the hits around it have corrected.

    Depends on the arguments and the seed alone, not on the number of threads. Not differentiable.

    Args:
        optical: What is visible, on an isotropic grid.
        rig: Lights around ``optical.grid.bounds``.
        blocks: Entries of ``block_moments(optical)``.
        n_lines: How many lines; noise falls with their root. By default 64 for each entry, at most 4,000,000.
        seed: Another seed gives other noise.

    Raises:
        InputError: Nothing shines, or ``n_lines`` or ``seed`` is out of range.
        GeometryError: The grid's voxels are not cubes.
        MemoryLimitError: The scan would not fit into memory as bricks.
    """
    if n_lines is None:
        n_lines = min(_LINES_PER_ENTRY * max(len(blocks), 1), _MOST_LINES)
    if n_lines < 1:
        raise InputError(f"n_lines must be at least 1, got {n_lines}; {_MOST_LINES:,} light a scan well")
    settings = PathTraceSettings(seed=seed)
    # Light that is scattered again, as ``shade`` sums it up.
    albedos = np.minimum(srgb_to_linear(blocks.rgb), MAX_ALBEDO)
    first_order = 1 - np.float32(MULTIPLE_SCATTERING) * albedos
    marched = march_blocks(optical, rig, blocks) / first_order
    hits = _trace(optical, rig, blocks, settings, n_lines)
    around = _corrected(marched, hits, Neighbours(optical.grid, blocks.means))

    counts = hits.counts[:, None].astype(np.float32)
    seen_albedos = np.where(counts > 0, hits.albedos / np.maximum(counts, 1), albedos)
    known = hits.scattered + _LEAST_ALBEDO * hits.arriving
    prior = _PRIOR_HITS * around * (seen_albedos + _LEAST_ALBEDO)
    radiance = (known + prior) / ((counts + _PRIOR_HITS) * (albedos + _LEAST_ALBEDO))
    return BakedLight((radiance * first_order).astype(np.float32), hits.counts)


class _Hits(NamedTuple):
    """Sums over the hits of each entry.

    Attributes:
        counts: [N].
        arriving: [N, 3] light.
        albedos: [N, 3].
        scattered: [N, 3] albedo times light. Where an entry's colours vary, this is what is seen of it.
    """

    counts: I64
    arriving: F32
    albedos: F32
    scattered: F32


def _trace(
    optical: OpticalVolume, rig: LightRig, blocks: BlockMoments, settings: PathTraceSettings, n_lines: int
) -> _Hits:
    # Kernels are loaded once it is known that they are needed.
    from tomosplat.render.pathtracer.collisions import entries_of_voxels, voxels_of_cells
    from tomosplat.render.pathtracer.lines import filled_box, trace_lines
    from tomosplat.render.pathtracer.scene import Scene

    world = Scene.build(optical, rig, Environment.constant(rig.environment), settings).world
    how = world, filled_box(world.medium), np.float32(settings.phase_g), settings.max_depth, np.uint64(settings.seed)
    cells, light = np.empty(n_lines, np.int64), np.empty((n_lines, 3), np.float32)
    starts = range(0, n_lines, _LINES_PER_JOB)
    run(trace_lines, [(*how, start, min(start + _LINES_PER_JOB, n_lines), cells, light) for start in starts])

    hit = cells >= 0
    cells, light = cells[hit], light[hit]
    entries = entries_of_voxels(blocks, optical, voxels_of_cells(world.medium, cells, optical.grid.shape))
    albedos = world.medium.albedos[cells] * np.float32(1 / 65535)

    def total(values: F32) -> F32:
        sums = [np.bincount(entries, weights=channel, minlength=len(blocks)) for channel in values.T]
        return np.stack(sums, axis=1).astype(np.float32)

    counts = np.bincount(entries, minlength=len(blocks))
    return _Hits(counts, total(light), total(albedos), total(albedos * light))


def _corrected(marched: F32, hits: _Hits, neighbours: Neighbours) -> F32:
    """Marched light times the ratio of what was traced around to what was marched there, [N, 3]."""

    def around(values: F32) -> F32:
        near = [np.float32(weight) * neighbours.around(values, reach) for reach, weight in _REACHES]
        together: F32 = np.sum(near, axis=0, dtype=np.float32)
        return together

    corrected = np.empty_like(marched)
    for c in range(3):
        guess = _MARCHED_HITS * marched[:, c]
        expected = around(hits.counts * marched[:, c]) + guess
        traced = around(hits.arriving[:, c]) + guess
        # Where no light was marched at all, the hits alone tell.
        alone = around(hits.arriving[:, c]) / np.maximum(around(hits.counts.astype(np.float32)), _MARCHED_HITS)
        corrected[:, c] = np.where(expected > 0, marched[:, c] * traced / np.where(expected > 0, expected, 1), alone)
    return corrected
