"""Several subjects: renderers that go on to bodies that they have never seen, the paper's experiment 4.3 (table 3).

    python benchmarks/dvr_patients.py --results FOLDER [--tasks kidney shaded] [--voxels 32] [--pixels 48] [--epochs 40]
    python benchmarks/dvr_patients.py --results FOLDER --full   # 192³, 200², 15/6/6 subjects, the paper's sizes

"kidney" colours kidneys and aorta by masks that no model sees, "shaded" lights surfaces by a light at the camera, which
moves with the view. Subjects are procedural torsos, no two of one body; they are split into those trained on, those
that choose the epoch, and those judged by. 16 views of each. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

import argparse

from dvr_cases import abdomen, colored, tinted
from dvr_models import Sizes, Split, add_arguments, run, sheet, sizes_of, table
from tomosplat.dvr.subjects import Subject

SMALL = Sizes(voxels=32, pixels=48, width=8, epochs=40, batch=None, low_rate=0.5)
FULL = Sizes(voxels=192, pixels=200, width=None, epochs=200, batch=None)
N_VIEWS = 16
_EDGE_MM = 320.0
_KIDNEY = {
    "kidney_left,kidney_right": tinted(0.95, 0.9, 0.2, first=40, opacity=0.5),
    "aorta,iliac_artery_left,iliac_artery_right": tinted(0.9, 0.1, 0.15, first=80, opacity=0.6),
}


def subject(seed: int, task: str, sizes: Sizes) -> Subject:
    looks = _KIDNEY if task == "kidney" else {}
    scan = abdomen(seed, _EDGE_MM, sizes.voxels)
    return colored(f"torso {seed}", scan, looks, N_VIEWS, sizes.pixels, shaded=task == "shaded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=("kidney", "shaded"), default=("kidney", "shaded"))
    parser.add_argument("--subjects", type=int, nargs=3, default=(8, 2, 3), help="trained on, choosing, judging")
    add_arguments(parser, SMALL)
    arguments = parser.parse_args()
    sizes = sizes_of(arguments, FULL)
    n_train, n_validation, n_test = (15, 6, 6) if arguments.full else arguments.subjects
    for task in arguments.tasks:
        folder = arguments.results / task
        everyone = [subject(seed, task, sizes) for seed in range(n_train + n_validation + n_test)]
        split = Split(
            everyone[:n_train], everyone[n_train : n_train + n_validation], everyone[n_train + n_validation :]
        )
        rows = [run(name, split, sizes, folder) for name in arguments.models]
        sheet(folder / "sheet.png", arguments.models, split.test, folder, views=2)
        print(
            f"\n{task}, {n_train}/{n_validation}/{n_test} subjects, {sizes.voxels}³ voxels, {sizes.pixels}² pixels, "
            f"{sizes.epochs} epochs\n\n{table(rows)}\n"
        )


if __name__ == "__main__":
    main()
