"""Pre-integrated classification: all values between the two ends of an interval, not only one.

Engel, Kraus and Ertl, High-Quality Pre-Integrated Volume Rendering Using Hardware-Accelerated Pixel Shading, 2001,
eq. 4 and 5. Along an interval of length Δ the value runs linearly from s_f to s_b. With σ and colour c of a value,
s(w) = (1 − w) s_f + w s_b, the interval has opacity and premultiplied colour

    α = 1 − exp(−Δ ∫₀¹ σ(s(w)) dw),   C = Δ ∫₀¹ σ(s(w)) c(s(w)) exp(−Δ ∫₀ʷ σ(s(w')) dw') dw.

Stored are the mean extinction σ̄ = ∫₀¹ σ(s(w)) dw and the mean emission σ̄ C / α, from which an interval of any length
follows (exactly in α); the order in which colours hide each other is the one at length Δ.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tomosplat import threads
from tomosplat.render.cpu.layout import F32, F64, Scalar
from tomosplat.render.raymarching.kernels import ENTRY, INLINE

#: Values at each end of an interval that are tabulated.
NODES = 256
#: Parts of an interval whose order counts; inside a part colours are mixed.
_PARTS = 32
#: Share of the nodes that is spread evenly, whatever the functions do.
_EVEN_SHARE = 0.25


def spread_nodes(emission: F64) -> F64:
    """Coordinates [NODES] in the table of ``emission`` [R, N, 4], dense where the functions change."""
    change = np.abs(np.diff(emission, axis=1)).sum(axis=-1)
    total = change.sum(axis=1, keepdims=True)
    density = np.divide(change, total, out=np.zeros_like(change), where=total > 0).mean(axis=0)
    density = _EVEN_SHARE / density.size + (1 - _EVEN_SHARE) * density
    running = np.concatenate([[0], np.cumsum(density)])
    return np.interp(np.linspace(0, running[-1], NODES), running, np.arange(running.size))


def preintegrate(emission: F64, nodes: F64, step_mm: float) -> F32:
    """Mean emission and extinction [R, M, M, 4] between any two of the M nodes, front first, back second."""
    # Trapezoids are exact between table entries, where emission is linear.
    running = np.zeros_like(emission)
    np.cumsum((emission[:, 1:] + emission[:, :-1]) / 2, axis=1, out=running[:, 1:])
    pairs = np.zeros((len(emission), len(nodes), len(nodes), 4), np.float32)
    jobs = [
        (row, *part, running, emission, nodes, step_mm, pairs)
        for row in range(1, len(emission))
        for part in threads.split(len(nodes), 4)
    ]
    if jobs:
        threads.run(_integrate, jobs)
    return pairs


@njit(**INLINE)
def _at(table: F64, coordinate: Scalar, channel: int) -> Scalar:
    low = min(int(coordinate), table.shape[0] - 2)
    fraction = coordinate - low
    return table[low, channel] + fraction * (table[low + 1, channel] - table[low, channel])


@njit(**INLINE)
def _integral(running: F64, emission: F64, coordinate: Scalar, channel: int) -> Scalar:
    """Integral of a piecewise linear table from 0 to a coordinate."""
    low = min(int(coordinate), running.shape[0] - 2)
    fraction = coordinate - low
    first, rise = emission[low, channel], emission[low + 1, channel] - emission[low, channel]
    return running[low, channel] + fraction * (first + fraction * rise / 2)


@njit(**ENTRY)
def _integrate(
    row: int, start: int, stop: int, running: F64, emission: F64, nodes: F64, step_mm: float, pairs: F32
) -> None:
    integrals, table = running[row], emission[row]
    means, before = np.empty(4), np.empty(4)
    for f in range(start, stop):
        for b in range(nodes.size):
            span = nodes[b] - nodes[f]
            if abs(span) < 1e-6:
                for channel in range(4):
                    pairs[row, f, b, channel] = _at(table, nodes[f], channel)
                continue
            for channel in range(4):
                before[channel] = _integral(integrals, table, nodes[f], channel)
                means[channel] = 0
            first, passing = before[3], 1.0
            for part in range(1, _PARTS + 1):
                at = nodes[f] + span * part / _PARTS
                sigma = _integral(integrals, table, at, 3)
                depth = (sigma - before[3]) / span
                before[3] = sigma
                kept = math.exp(-depth * step_mm)
                share = passing * (1 - kept) / depth if depth > 0 else 0.0
                for channel in range(3):
                    emitted = _integral(integrals, table, at, channel)
                    means[channel] += share * (emitted - before[channel]) / span
                    before[channel] = emitted
                passing *= kept
            mean = (before[3] - first) / span
            scale = mean / (1 - passing) if passing < 1 else 0.0
            for channel in range(3):
                pairs[row, f, b, channel] = means[channel] * scale
            pairs[row, f, b, 3] = mean
