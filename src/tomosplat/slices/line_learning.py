"""A line network taught by the given slices themselves: no other data, nothing held out is seen.

Rows and columns of a slice, sampled as coarsely as the slices follow one another, are what a line through the slices
is; what lies between those samples is known there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from tomosplat.geometry import FloatArray
from tomosplat.networks import N_SEEN, LineNetwork
from tomosplat.report import Progress
from tomosplat.slices.interpolation import Slices

_BATCH, _LINES, _RATE = 128, 64, 2e-3
#: Share of the batches whose samples are twice as far apart: for the weights found by leaving slices out.
_DOUBLED = 0.25
#: The most samples in a gap that places may need to be whole ones.
_FINEST = 48


@dataclass(frozen=True)
class Gap:
    """What a network is to fill.

    Attributes:
        samples: Samples from one slice to the next; all places are whole samples, and so is the middle.
        places: Samples behind the slice before, increasing.
        pixels: Size of the gap in pixels, along rows and along columns.
        thickness: Thickness of a slice in pixels, along rows and along columns.
    """

    samples: int
    places: tuple[int, ...]
    pixels: tuple[float, float]
    thickness: tuple[float, float]

    @classmethod
    def of(cls, ways: FloatArray, gap_mm: float, thickness_mm: float, pixel_mm: tuple[float, float]) -> Gap | None:
        """The gap with places at ``ways`` [M] in 0..1 and in the middle; None where no fine enough samples hit them.

        Args:
            ways: Places as shares of the gap.
            gap_mm: From slice to slice.
            thickness_mm: Of a slice.
            pixel_mm: Between rows, and between columns.
        """
        asked = np.unique(np.append(np.round(ways[(ways > 0) & (ways < 1)], 6), 0.5))
        for samples in range(2, _FINEST + 1, 2):
            whole = np.rint(asked * samples)
            if np.abs(asked * samples - whole).max() < 1e-3:
                rows, columns = pixel_mm
                return cls(
                    samples,
                    tuple(int(place) for place in whole),
                    (gap_mm / rows, gap_mm / columns),
                    (thickness_mm / rows, thickness_mm / columns),
                )
        return None

    @property
    def middle(self) -> int:
        """Which of the places is the middle."""
        return self.places.index(self.samples // 2)


def teach(
    slices: Slices, gap: Gap, n_steps: int, progress: Progress | None = None, seed: int = 0
) -> LineNetwork | None:
    """Teach a network to fill ``gap`` on the rows and columns of slices [N, H, W]; None where they are too short.

    Mean squared error, Adam, one cycle of the learning rate. The same seed gives the same network on one machine.
    """
    sources = [
        _sampled_along_rows(slices, gap.pixels[0] / gap.samples, gap.thickness[0]),
        _sampled_along_rows(slices.transpose(0, 2, 1), gap.pixels[1] / gap.samples, gap.thickness[1]),
    ]
    reach = (N_SEEN - 1) * gap.samples
    sources = [source for source in sources if source.shape[1] > reach]
    if not sources:
        return None
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LineNetwork(len(gap.places))
    optimizer = Adam(network.parameters(), _RATE)
    schedule = OneCycleLR(optimizer, _RATE, total_steps=n_steps, pct_start=0.1)
    for step in range(n_steps):
        source = sources[step % len(sources)]
        fits = source.shape[1] > 2 * reach
        doubled = fits and float(torch.rand((), generator=generator)) < _DOUBLED
        seen, truth = _batch(source, gap, 2 if doubled else 1, generator)
        places = _linear(seen, gap) + network(seen, doubled)
        loss = (places - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress:
            progress(step + 1, n_steps)
    return network


@torch.no_grad()
def residuals(network: LineNetwork, seen: Slices, *, doubled: bool = False) -> Slices:
    """What the network adds to linear interpolation between the two middle ones of four slices.

    Args:
        network: From ``teach``.
        seen: [4, H, W] evenly spaced slices.
        doubled: Whether they are twice as far apart as the gap.

    Returns:
        [places, H, W]: the mean over rows and columns, forwards and backwards.
    """
    given = torch.from_numpy(np.ascontiguousarray(seen))
    total = torch.zeros(())
    for turned in (given, given.transpose(1, 2)):
        lines = turned.permute(1, 0, 2).contiguous()  # each row of the slices is a batch entry
        found = (network(lines, doubled) + network(lines.flip(2), doubled).flip(2)) / 4
        found = found.permute(1, 0, 2)
        total = total + (found if turned is given else found.transpose(1, 2))
    return total.numpy()


def _batch(source: Tensor, gap: Gap, apart: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random patches: four samples [B, 4, L] and what lies in the gap [B, places, L]."""
    n, height, width = source.shape
    lines = min(_LINES, width)
    step = apart * gap.samples

    def drawn(below: int) -> Tensor:
        return torch.randint(below, (_BATCH,), generator=generator)

    number, column = drawn(n), drawn(width - lines + 1)
    first = drawn(height - (N_SEEN - 1) * step)
    offsets = torch.tensor([k * step for k in range(N_SEEN)] + [step + apart * place for place in gap.places])
    if float(torch.rand((), generator=generator)) < 0.5:  # the line backwards
        offsets = (N_SEEN - 1) * step - offsets
    rows = (first[:, None] + offsets)[:, :, None]
    columns = (column[:, None] + torch.arange(lines))[:, None, :]
    patch = source[number[:, None, None], rows, columns]
    return patch[:, :N_SEEN], patch[:, N_SEEN:]


def _linear(seen: Tensor, gap: Gap) -> Tensor:
    way = (torch.tensor(gap.places) / gap.samples)[None, :, None]
    return (1 - way) * seen[:, 1:2] + way * seen[:, 2:3]


def _sampled_along_rows(slices: NDArray[np.float32], pitch: float, thickness: float) -> Tensor:
    """Slices [N, H, W] sampled every ``pitch`` rows, each sample the mean over ``thickness`` rows (one at least)."""
    n, height, width = slices.shape
    box = max(thickness, 1.0)
    centres = np.arange(box / 2 - 0.5, height - box / 2 - 0.5 + 1e-6, pitch)
    # The integral of pixels is piecewise linear, so means over any interval are exact.
    integral = np.concatenate([np.zeros((n, 1, width)), np.cumsum(slices, axis=1, dtype=np.float64)], axis=1)
    means = (_between(integral, centres + 0.5 + box / 2) - _between(integral, centres + 0.5 - box / 2)) / box
    return torch.from_numpy(means.astype(np.float32))


def _between(integral: FloatArray, at: FloatArray) -> FloatArray:
    """Rows of ``integral`` [N, R, W] at fractional places [M], [N, M, W]."""
    low = np.clip(at.astype(np.int64), 0, integral.shape[1] - 2)
    part = (at - low)[None, :, None]
    result: FloatArray = (1 - part) * integral[:, low] + part * integral[:, low + 1]
    return result


def four_around(slices: Slices, positions: FloatArray, number: int, gap: float | None = None) -> Slices:
    """Slices [4, H, W] a gap apart around the gap behind slice ``number``; beyond the ends, the last one again.

    Where slices are not evenly spaced, the outer two are interpolated linearly.
    """
    width = positions[number + 1] - positions[number] if gap is None else gap
    outer = [positions[number] - width, positions[number + 1] + width]
    return np.stack(
        [_at(slices, positions, outer[0]), slices[number], slices[number + 1], _at(slices, positions, outer[1])]
    )


def _at(slices: Slices, positions: FloatArray, place: float) -> Slices:
    place = float(np.clip(place, positions[0], positions[-1]))
    before = int(np.clip(np.searchsorted(positions, place, side="right") - 1, 0, len(positions) - 2))
    way = np.float32((place - positions[before]) / (positions[before + 1] - positions[before]))
    result: Slices = (1 - way) * slices[before] + way * slices[before + 1]
    return result
