"""One volume, pictures coloured by masks that no model sees: the paper's experiment 4.2 (table 2).

    python benchmarks/dvr_semantic.py --results FOLDER [--cases torso chest] [--voxels 32] [--pixels 48] [--epochs 200]
    python benchmarks/dvr_semantic.py --results FOLDER --full   # 256³, 200², the paper's widths, batches and epochs

The paper painted its pictures by hand; here masks stand for the hand. Vertebrae, which have the values of other bone,
become orange; kidneys or heart and the aorta, which have those of other contrast medium, yellow and red; what else
holds contrast medium is taken away. 25 views are trained on, 7 judge. Each model is trained once; interrupted, the
same command goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from dvr_cases import HIDDEN, VERTEBRAE, abdomen, chest, colored, tinted
from dvr_models import Sizes, add_arguments, halves, run, sheet, sizes_of, table
from tomosplat.dvr.subjects import Subject

SMALL = Sizes(voxels=32, pixels=48, width=8, epochs=200, batch=None, low_rate=0.5)
FULL = Sizes(voxels=256, pixels=200, width=None, epochs=200, batch=None)
N_TRAIN, N_VIEWS = 25, 32
_EDGE_MM = 320.0

ORANGE, YELLOW, RED = (0.9, 0.5, 0.15), (0.95, 0.9, 0.2), (0.9, 0.1, 0.15)


def torso_case(data: Path, sizes: Sizes) -> Subject:
    looks = {
        VERTEBRAE: tinted(*ORANGE, first=120, opacity=0.5),
        "kidney_left,kidney_right": tinted(*YELLOW, first=60, opacity=0.5),
        "aorta,iliac_artery_left,iliac_artery_right": tinted(*RED, first=80, opacity=0.6),
        "urinary_bladder,stomach": HIDDEN,
    }
    return colored("torso", abdomen(0, _EDGE_MM, sizes.voxels), looks, N_VIEWS, sizes.pixels)


def chest_case(data: Path, sizes: Sizes) -> Subject:
    looks = {
        VERTEBRAE: tinted(*ORANGE, first=120, opacity=0.5),
        "aorta": tinted(*YELLOW, first=120, opacity=0.6),
        "heart,pulmonary_vein,atrial_appendage_left": tinted(*RED, first=120, opacity=0.3),
        "kidney_left,kidney_right,liver,spleen": HIDDEN,
    }
    return colored("chest", chest(data / "ct-chest-lidc", _EDGE_MM, sizes.voxels), looks, N_VIEWS, sizes.pixels)


CASES = {"torso": torso_case, "chest": chest_case}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    add_arguments(parser, SMALL)
    arguments = parser.parse_args()
    sizes = sizes_of(arguments, FULL)
    torch.manual_seed(0)
    for case in arguments.cases:
        folder = arguments.results / case
        split = halves(CASES[case](arguments.data, sizes), N_TRAIN)
        rows = [run(name, split, sizes, folder) for name in arguments.models]
        sheet(folder / "sheet.png", arguments.models, split.test, folder, views=4)
        print(f"\n{case}, {sizes.voxels}³ voxels, {sizes.pixels}² pixels, {sizes.epochs} epochs\n\n{table(rows)}\n")


if __name__ == "__main__":
    main()
