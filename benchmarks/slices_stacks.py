"""Three orthogonal stacks of one patient fitted as one, beside what each gives alone; writes ``slices_stacks.md``.

    python benchmarks/slices_stacks.py FOLDER [--steps 800]

Of every stack each fourth slice is left out. What is shown there by plain interpolation and by the default method, both
of which see that stack alone, and by Gaussians fitted to what is left of all three, is compared with it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from tomosplat.report import Report
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.gaps import filled_between
from tomosplat.slices.gaussian_fit import fit_slices
from tomosplat.slices.gaussian_methods import show_at
from tomosplat.slices.methods import METHODS
from tomosplat.slices.reading import read_stack
from tomosplat.slices.scores import image_scores
from tomosplat.slices.stack import SliceStack
from tomosplat.slices.targets import ValueRange

HERE = Path(__file__).resolve().parent
ALONE = ("linear", "pchip", "motion blend", "flow (draft)")


def left_out(stack: SliceStack) -> np.ndarray:
    """Every fourth slice, neither first nor last."""
    return np.arange(2, len(stack) - 1, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stacks", nargs="+", default=["t2_tra", "t2_sag", "t2_cor"])
    parser.add_argument("--steps", type=int, default=800)
    asked = parser.parse_args()
    stacks = {name: read_stack(asked.folder / f"{name}.nii.gz") for name in asked.stacks}
    given = {n: s.subset(np.setdiff1d(np.arange(len(s)), left_out(s))) for n, s in stacks.items()}
    settings = SliceFitSettings(iterations=asked.steps)
    between = [filled_between(s, Report(), "draft") for s in given.values()]
    fits = {
        "Gaussians, all stacks": (list(given.values()), []),
        "the same, motion in gaps": (list(given.values()), between),
    }
    scenes = {}
    for name, (slices, extra) in fits.items():
        start = time.process_time()
        scenes[name] = fit_slices(slices, extra, settings)
        print(name, len(scenes[name]), f"{time.process_time() - start:.0f} s", flush=True)
    rows = []
    for name, stack in stacks.items():
        at, truth = stack.positions[left_out(stack)], stack.values[left_out(stack)]
        values = ValueRange.of([stack])

        def quality(shown: np.ndarray, truth: np.ndarray = truth, values: ValueRange = values) -> float:
            return image_scores(values.to_unit(shown), values.to_unit(truth)).psnr

        found = {m: quality(METHODS[m](given[name], at, Report()).values) for m in ALONE}
        found |= {f: quality(show_at(scene, stack, at)[0]) for f, scene in scenes.items()}
        print(name, {k: round(v, 2) for k, v in found.items()}, flush=True)
        rows.append((name, found))
    columns = [*ALONE, *fits]
    lines = [
        "# Orthogonal stacks as one",
        "",
        f"`python benchmarks/slices_stacks.py FOLDER --stacks {' '.join(asked.stacks)} --steps {asked.steps}`",
        "",
        "PSNR in dB of slices that were left out, one in four of each stack.",
        "",
        "| stack | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *("| " + " | ".join([name, *(f"{found[c]:.2f}" for c in columns)]) + " |" for name, found in rows),
    ]
    (HERE / "slices_stacks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
