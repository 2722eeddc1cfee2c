"""What the network learns from in the first stage: scans shown in many ways, and the light that was baked for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
from tomosplat.errors import InputError
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.files.atomic import make_folder
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.gaussians import MULTIPLE_SCATTERING, block_moments, scattered
from tomosplat.geometry import Grid
from tomosplat.jobs import hash_data
from tomosplat.lighting import LightRig, load_rig, rig_names
from tomosplat.render import bake_light
from tomosplat.report import Progress
from tomosplat.transfer import JitterRanges, TransferFunctions, apply_transfer, jittered
from tomosplat.volume import LabelMap, OpticalVolume, Volume

#: Changes whenever looks baked before are not what would be baked now.
LOOK_VERSION = 2
#: Wider than those of ``prepare``: colours of all kinds, and organs from hazy to solid.
_JITTER = JitterRanges(shift=40, stretch=1.3, color=0.15, tint=0.5, opacity=3.0)
#: Lines for each Gaussian, and at most: what is left of noise, the network averages over all scans.
_LINES_PER_GAUSSIAN, _MOST_LINES = 8, 500_000


@dataclass(frozen=True)
class Look:
    """One way to show a case.

    Attributes:
        case: Id of the case.
        number: Which of its looks.
        functions: Colours.
        visible: Label ids, None for all.
        rig: Name of the light rig.
    """

    case: str
    number: int
    functions: TransferFunctions
    visible: tuple[int, ...] | None
    rig: str

    def optical(self, volume: Volume, labels: LabelMap) -> OpticalVolume:
        """The case, or a part of it, as this look shows it."""
        return apply_transfer(volume, labels, self.functions, GROUP_OF_LABEL, visible=self.visible)

    def light(self) -> LightRig:
        """The rig."""
        return load_rig(self.rig)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form."""
        visible = None if self.visible is None else list(self.visible)
        functions = self.functions.to_dict()
        return {"case": self.case, "number": self.number, "functions": functions, "visible": visible, "rig": self.rig}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Look:
        """Read what ``to_dict`` made."""
        visible = None if data["visible"] is None else tuple(data["visible"])
        functions = TransferFunctions.from_dict(data["functions"])
        return cls(data["case"], data["number"], functions, visible, data["rig"])


def case_of(shard: Shard, first: int = 0, last: int | None = None) -> tuple[Volume, LabelMap]:
    """Values and labels of a case's slices ``first`` to ``last`` (not included) along i."""
    last = shard.shape("values")[0] if last is None else last
    values, ids = shard.part("values", first, last), shard.part("labels", first, last)
    affine = np.array(shard["affine"])
    affine[:3, 3] += first * affine[:3, 0]
    grid = Grid((values.shape[0], values.shape[1], values.shape[2]), affine)
    return Volume(values.astype(np.float32), grid, "HU", "CT"), LabelMap(ids, grid)


def draw_look(case: str, number: int, labels: LabelMap, functions: TransferFunctions, seed: int) -> Look:
    """The first look of a case shows everything as ``functions`` say; the others vary colours, light and organs."""
    rng = np.random.default_rng(int(hash_data([seed, case, number])[:15], 16))
    if number == 0:
        return Look(case, 0, functions, None, "studio")
    rig = str(rng.choice(["studio", *rig_names()]))
    return Look(case, number, jittered(functions, rng, _JITTER), _some_organs(labels, number, rng), rig)


def _some_organs(labels: LabelMap, number: int, rng: np.random.Generator) -> tuple[int, ...] | None:
    """The skeleton, some of the groups, or some of the labels, in turn."""
    ids = np.array(labels.ids)
    groups = GROUP_OF_LABEL[ids]
    skeleton = next(group.index for group in GROUPS if group.name == "skeleton")
    if number % 3 == 1 and (groups == skeleton).any():
        keep = groups == skeleton
    elif number % 3 == 2:
        keep = rng.random(len(GROUPS))[groups] < 0.6
    else:
        keep = rng.random(len(ids)) < 0.6
    return tuple(ids[keep].tolist()) if keep.any() else None


def bake_looks(
    manifest: Manifest, folder: Path, n_looks: int, functions: TransferFunctions, seed: int, progress: Progress
) -> list[Path]:
    """Bake the looks of all cases that are not in ``folder`` yet; the files of all, cases in turn.

    A look that was baked of another shard, with another seed or by another version is baked anew.

    Raises:
        InputError: The dataset is empty or a case is no CT in HU.
        OutputError: A file could not be written.
    """
    if not manifest.cases:
        raise InputError(f"{manifest.folder} has no case to learn from; make some with tomosplat prepare")
    make_folder(folder)
    wanted = [(case, number) for number in range(n_looks) for case in manifest.cases]
    paths = []
    for done, (case, number) in enumerate(wanted):
        path = folder / f"{case}.{number}.safetensors"
        origin = hash_data([LOOK_VERSION, manifest.cases[case].sha256, functions.to_dict(), seed])
        if path.exists() and Shard(path).description.get("origin") != origin:
            path.unlink()
        if not path.exists():
            volume, labels = case_of(manifest.open(case, check=False))
            _bake(draw_look(case, number, labels, functions, seed), volume, labels, path, origin)
        if path.exists():  # else nothing of these organs is visible
            paths.append(path)
        progress(done + 1, len(wanted))
    return paths


def _bake(look: Look, volume: Volume, labels: LabelMap, path: Path, origin: str) -> None:
    """Write a look, unless there is nothing to see in it: marched light of its Gaussians, and baked light.

    ``places`` [N, 3] int16 voxels of the half-resolution grid, ``features`` [N, 5] light channels, ``marched`` and
    ``baked`` [N, 3] linear RGB that the Gaussians scatter, ``hits`` [N] lines that saw them.
    """
    optical, rig = look.optical(volume, labels), look.light()
    blocks = block_moments(optical)
    if not len(blocks):
        return
    march = MarchedLight(optical, rig)
    march(blocks)
    n_lines = min(_LINES_PER_GAUSSIAN * len(blocks), _MOST_LINES)
    baked = bake_light(optical, rig, blocks, n_lines=n_lines, seed=look.number)
    arrays: dict[str, NDArray[Any]] = {
        "places": places_of(optical.grid, blocks.means).astype(np.int16),
        "features": march.features.astype(np.float16),
        "marched": march.radiance.astype(np.float16),
        "baked": scattered(blocks.rgb, baked.arriving, MULTIPLE_SCATTERING).astype(np.float16),
        "hits": np.minimum(baked.hits, 255).astype(np.uint8),
    }
    description = {"origin": origin, **look.to_dict()}
    write_shard(path, {name: Stack.of(array) for name, array in arrays.items()}, description)
