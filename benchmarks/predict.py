"""How long the network takes for 256³ voxels, and how much memory a scan of 512×512×800 voxels needs.

python benchmarks/predict.py




"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.feedforward.predict import predict
from tomosplat.geometry import Grid
from tomosplat.lighting import load_rig
from tomosplat.machine import describe_machine, versions
from tomosplat.pipeline.options import PrimingOptions
from tomosplat.pipeline.predict import open_model
from tomosplat.pipeline.prime import prime_colored
from tomosplat.pipeline.scan import PreparedScan, color_scan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.torso import torso

_GB = 1e9


@dataclass(frozen=True)
class Cube:
    """What was measured of a cube of voxels."""

    gaussians: int
    march_s: float
    network_s: float
    network_cpu_s: float
    before_gb: float
    peak_gb: float


def fitted(values: NDArray[np.generic], shape: tuple[int, int, int], fill: float) -> NDArray[np.generic]:
    """The middle of an array, filled up where it is smaller."""
    cut = values[
        tuple(slice(max(n - m, 0) // 2, max(n - m, 0) // 2 + m) for n, m in zip(values.shape, shape, strict=True))
    ]
    widths = [((m - n) // 2, m - n - (m - n) // 2) for n, m in zip(cut.shape, shape, strict=True)]
    return np.pad(cut, widths, constant_values=fill)


def person(shape: tuple[int, int, int], spacing_mm: float) -> PreparedScan:
    """A torso on a grid of just this shape."""
    volume, labels = torso(0, spacing_mm)
    affine = np.array(volume.grid.affine)
    grid = Grid(shape, affine)
    return PreparedScan(
        Volume(fitted(volume.values, shape, -1024).astype(np.float32), grid, "HU", "CT"),
        LabelMap(fitted(labels.values, shape, 0).astype(np.uint8), grid, labels.names),
    )


def peak() -> float:
    """Most memory that this process has had, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _GB


def measure_cube(edge: int, spacing_mm: float) -> Cube:
    """Prime and predict one cube; the network's time alone is told apart."""
    functions, model, rig = TransferFunctions.preset("seen"), open_model(None), load_rig("studio")

    def made(prepared: PreparedScan) -> Cube:
        optical = color_scan(prepared, functions, None, Report())
        start = time.perf_counter()
        march = MarchedLight(optical, rig)
        scene = prime_colored(prepared, optical, march, functions, PrimingOptions(), Report())
        primed = Primed(scene, places_of(optical.grid, scene.means.numpy()), march.radiance, march.features)
        before, middle, cpu = peak(), time.perf_counter(), time.process_time()
        prediction = predict(model, optical, primed)
        end, cpu_end = time.perf_counter(), time.process_time()
        return Cube(len(prediction.scene), middle - start, end - middle, cpu_end - cpu, before, peak())

    made(person((48, 48, 48), 6.0))
    return made(person((edge, edge, edge), spacing_mm))


def measure_large(shape: tuple[int, int, int], spacings: list[float]) -> list[tuple[float, str, float, float]]:
    """Working spacing, what came out, seconds and peak memory of ``tomosplat predict`` on a file of this shape."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The torso is made in a process that gives its memory back.
        subprocess.run([sys.executable, __file__, "--write", name, "--shape", *map(str, shape)], check=True)
        for spacing in spacings:
            command = [
                sys.executable,
                "-m",
                "tomosplat",
                "predict",
                folder / "ct.nii.gz",
                "--labels",
                folder / "labels.nii.gz",
            ]
            command += ["-o", folder / "scene.ply", "--spacing", str(spacing), "--report", folder / "report.json"]
            start = time.perf_counter()
            process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            done = json.loads((folder / "report.json").read_text()) if status == 0 else {}
            outcome = f"{done['gaussians']:,} Gaussians" if status == 0 else f"exit {os.waitstatus_to_exitcode(status)}"
            rows.append((spacing, outcome, seconds, usage.ru_maxrss * 1024 / _GB))
            print(rows[-1], flush=True)
    return rows


def write_large(folder: Path, shape: tuple[int, int, int]) -> None:
    """A scan and its labels as files."""
    prepared = person(shape, 0.8)
    affine = np.array(prepared.volume.grid.affine)
    nibabel.save(nibabel.Nifti1Image(prepared.volume.values.astype(np.int16), affine), folder / "ct.nii.gz")
    nibabel.save(nibabel.Nifti1Image(prepared.labels.values, affine), folder / "labels.nii.gz")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--edge", type=int, default=256)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 800))
    parser.add_argument("--spacings", type=float, nargs="+", default=(1.5, 1.0))
    parser.add_argument("--cube", action="store_true", help="measure the cube in this process and print JSON")
    parser.add_argument("--write", type=Path, help="write the large scan into this folder")
    arguments = parser.parse_args()
    shape = (arguments.shape[0], arguments.shape[1], arguments.shape[2])
    if arguments.cube:
        print(json.dumps(asdict(measure_cube(arguments.edge, 1.5))))
        return
    if arguments.write:
        write_large(arguments.write, shape)
        return
    command = [sys.executable, __file__, "--cube", "--edge", str(arguments.edge)]
    runs = [Cube(**json.loads(subprocess.run(command, check=True, capture_output=True).stdout)) for _ in range(3)]
    cube = min(runs, key=lambda run: run.network_s)
    large = measure_large(shape, list(arguments.spacings))
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    rows = "\n".join(f"| {s:g} mm | {outcome} | {t:.0f} s | {gb:.1f} GB |" for s, outcome, t, gb in large)
    seconds = ", ".join(f"{run.network_s:.2f}" for run in runs)
    text = (
        f"# Prediction: time and memory\n\n`python benchmarks/predict.py`\n\n{arguments.edge}³ voxels of a torso at "
        f"1.5 mm, {cube.gaussians:,} Gaussians, shipped weights: priming with marched light {cube.march_s:.1f} s, "
        f"network and Gaussians **{cube.network_s:.2f} s** wall, {cube.network_cpu_s:.1f} s of processors (best of "
        f"{len(runs)}; all: {seconds} s). Peak memory of the whole process **{cube.peak_gb:.2f} GB**, "
        f"{cube.before_gb:.2f} GB before the network.\n\n`tomosplat predict` on a file of "
        f"{'×'.join(map(str, shape))} voxels of 0.8 mm, with its labels, whole process:\n\n"
        "| working grid | outcome | wall | peak memory |\n|---|---|---|---|\n"
        f"{rows}\n\nLoad average {os.getloadavg()[0]:.1f}. Machine: {machine}. "
        f"Versions: {', '.join(f'{k} {v}' for k, v in versions().items())}.\n"
    )
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
