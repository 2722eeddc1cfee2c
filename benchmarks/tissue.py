"""How well tissues segmented from HU alone agree with masks, and how long it takes.

    python benchmarks/tissue.py DATA

DATA is a folder of scans that may hold ct-chest-lidc and ct-slab-ts-dicom (ct.nii.gz, seg_totalseg_v2.nii.gz); the
generated torso is always measured. Writes benchmarks/tissue.md.

Beside Dice stands the agreement within one voxel: the share of our voxels that are at most 1.5 mm from the mask, and
the other way round. Costal cartilage counts on neither side: it is skeleton in the tables, but no bone.
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS, TissueSegmenter
from tomosplat.anatomy.masks import Mask, dilate
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.volume import LabelMap, Volume, torso
from tomosplat.volume.resample import resample, resample_labels, working_grid

SCANS = ("ct-chest-lidc", "ct-slab-ts-dicom")
MEASURED = ("lung", "trachea", "skeleton", "cardiovascular")
CARTILAGE = 117
COLUMNS = ("scan", "s", "group", "mask, ml", "Dice", "ours within 1.5 mm", "mask within 1.5 mm")


def load(folder: Path) -> tuple[Volume, LabelMap]:
    """A scan and its mask on the working grid."""
    volume = read_volume(folder / "ct.nii.gz")
    grid = working_grid(volume.grid)
    labels = read_labels(folder / "seg_totalseg_v2.nii.gz", like=volume.grid)
    return resample(volume, grid), resample_labels(labels, grid)


def dice(first: Mask, second: Mask) -> float:
    """Twice the overlap over the sum."""
    return float(2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second)))


def share_near(first: Mask, second: Mask) -> float:
    """The share of one mask that is at most one voxel from another."""
    return float(np.count_nonzero(first & dilate(second, 3)) / max(np.count_nonzero(first), 1))


def group_masks(labels: NDArray[np.uint8], counted: Mask) -> dict[str, Mask]:
    """The mask of each group."""
    groups = GROUP_OF_LABEL[labels]
    return {group.name: (groups == group.index) & counted for group in GROUPS}


def rows(name: str, volume: Volume, reference: LabelMap) -> list[str]:
    """Segment one scan and compare."""
    segmenter = TissueSegmenter()
    start = time.perf_counter()
    found = segmenter(volume)
    seconds = time.perf_counter() - start
    counted = reference.values != CARTILAGE
    ours, theirs = group_masks(found.values, counted), group_masks(reference.values, counted)
    voxel_ml = float(np.prod(volume.grid.spacing)) / 1000
    return [
        f"| {name} | {seconds:.1f} | {group} | {np.count_nonzero(theirs[group]) * voxel_ml:.0f} "
        f"| {dice(ours[group], theirs[group]):.3f} | {share_near(ours[group], theirs[group]):.3f} "
        f"| {share_near(theirs[group], ours[group]):.3f} |\n"
        for group in MEASURED
        if theirs[group].any()
    ]


def main(data: Path) -> None:
    """Measure all scans and write the table."""
    cases = {name: lambda name=name: load(data / name) for name in SCANS if (data / name).is_dir()}
    cases["generated torso"] = torso
    lines = [line for name, make in cases.items() for line in rows(name, *make())]
    table = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n{''.join(lines)}"
    text = (
        f"# Tissues from HU alone against masks\n\n`python benchmarks/tissue.py DATA` on {platform.machine()}, "
        f"1.5 mm grid. Masks of the scans are TotalSegmentator's.\n\n{table}"
    )
    (Path(__file__).parent / "tissue.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
