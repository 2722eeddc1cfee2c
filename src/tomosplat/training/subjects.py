"""The looks of a dataset whose pictures the network learns from, primed and kept in memory as far as that goes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.feedforward.encoding import IntensityScale, encode_scan
from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.feedforward.predict import half_shape
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard
from tomosplat.fitting import View
from tomosplat.fitting.shard_views import shard_view
from tomosplat.gaussians import prime
from tomosplat.training.looks import Look, case_of, looks_of, shown_pictures

#: Bytes of subjects that are kept; priming one anew takes as long as a few steps.
_MEMORY = 4_000_000_000


@dataclass(frozen=True, eq=False)
class Subject:
    """A look of a case, as the network is shown it, and its pictures.

    Attributes:
        channels: [6, 2I, 2J, 2K] float16, what the network is shown of the whole scan.
        primed: The scene that its offsets are relative to.
        shard: The case.
        name: Of the look.
        shown: Indices of the pictures that are not held out.
    """

    channels: NDArray[np.float16]
    primed: Primed
    shard: Shard
    name: str
    shown: NDArray[np.int64]

    def view(self, index: int) -> View:
        """One of the pictures."""
        return shard_view(self.shard, self.name, index)

    def nbytes(self) -> int:
        """About what it takes in memory."""
        tensors = self.primed.scene.tensors().values()
        return self.channels.nbytes + sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def part(self, low: tuple[int, int, int], edge: int, scale: IntensityScale) -> NDArray[np.float32]:
        """Channels of a cube of ``edge`` voxels of the half-resolution grid; beyond the scan there is air."""
        cube = np.zeros((len(self.channels), 2 * edge, 2 * edge, 2 * edge), np.float32)
        cube[0] = scale(np.array(scale.low))
        part = self.channels[(slice(None), *(slice(2 * a, 2 * (a + edge)) for a in low))]
        cube[(slice(None), *(slice(0, n) for n in part.shape[1:]))] = part
        return cube


class Subjects:
    """All looks of a dataset that have pictures to learn from.

    Args:
        manifest: The dataset.
        scale: Of the scans' values.
        lit: Whether scenes are primed with marched light.

    Raises:
        InputError: The dataset has no picture to learn from.
    """

    def __init__(self, manifest: Manifest, scale: IntensityScale, *, lit: bool) -> None:
        self._manifest, self._scale, self._lit = manifest, scale, lit
        self._names = looks_of(manifest)
        self._kept: OrderedDict[tuple[str, str], Subject] = OrderedDict()

    def draw(self, rng: np.random.Generator) -> Subject:
        """Any of them.

        Raises:
            InputError: All of its pictures are held out.
        """
        name = self._names[rng.integers(len(self._names))]
        if name not in self._kept:
            self._kept[name] = self._prepared(*name)
        self._kept.move_to_end(name)
        while len(self._kept) > 1 and sum(subject.nbytes() for subject in self._kept.values()) > _MEMORY:
            self._kept.popitem(last=False)
        return self._kept[name]

    def _prepared(self, case: str, name: str) -> Subject:
        shard = self._manifest.open(case, check=False)
        look, shown = Look.of(case, shard, name), shown_pictures(shard, name)
        optical = look.optical(*case_of(shard))
        march = MarchedLight(optical, look.rig) if self._lit else None
        scene = prime(optical, march)
        lit = (march.radiance, march.features) if march else (None, None)
        i, j, k = (2 * n for n in half_shape(optical))
        channels = encode_scan(optical, self._scale, (0, 0, 0), (i, j, k)).astype(np.float16)
        return Subject(channels, Primed(scene, places_of(optical.grid, scene.means.numpy()), *lit), shard, name, shown)
