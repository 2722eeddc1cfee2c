"""Splatting, slices and ray marching on a GPU: checked, counted, then timed, splatting against gsplat and PyTorch.

    python benchmarks/gpu.py [--rounds 20] [--tune] [--output FOLDER]

Scenes: 300,000 and 343,058 Gaussians in a shell with organs, and the demo's (the procedural torso, or ``--scene
FILE.ply``), at 800² and 1600²; slices as ``gpu_slices.py`` says; the torso marched in every mode. Without a GPU
everything that needs one is skipped, with the reason; counts and floors are printed all the same. With one, the table
and its JSON go to benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpu_floor import H200, Counts, Gpu, backward_stages, count, forward_stages, this_gpu
from gpu_rivals import Run, gsplat_runs, load_gsplat, torch_runs
from gpu_slices import slice_rows
from rasterize_scene import make_camera, make_scene, make_splats
from tomosplat import machine
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras, frame_bounds, sphere_directions
from tomosplat.render import rasterize
from tomosplat.render.gpu.backend import describe_gpu_backend, gpu_problem

HERE = Path(__file__).resolve().parent
DIFFERENTIABLE = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh")
SIZES = (800, 1600)


def demo_scene(path: Path | None) -> GaussianScene:
    """The scene of a file, or of the procedural torso as the demo primes it."""
    if path is not None:
        from tomosplat.files.scenes import read_scene

        return read_scene(path)
    from tomosplat.pipeline.options import PrimingOptions
    from tomosplat.pipeline.prime import prime_prepared
    from tomosplat.pipeline.scan import PreparedScan
    from tomosplat.pipeline.transfer_files import load_transfer_functions
    from tomosplat.report import Report
    from tomosplat.volume.torso import torso

    prepared = PreparedScan(*torso())
    return prime_prepared(prepared, load_transfer_functions("seen"), None, PrimingOptions(), Report())


def scenes(path: Path | None) -> dict[str, tuple[GaussianScene, dict[int, Cameras]]]:
    """Every scene and its camera for each size."""
    found = {}
    for n in (300_000, 343_058):
        found[f"shell of {n:,}"] = make_scene(make_splats(n)), {size: make_camera(size) for size in SIZES}
    demo = demo_scene(path).to(torch.float32)
    bounds = tuple(getattr(demo.means, end)(dim=0).double().numpy() for end in ("amin", "amax"))
    directions = sphere_directions(20.0, 5.0)
    cameras = {size: frame_bounds(bounds, directions, size, size) for size in SIZES}
    found[f"{path.name if path else 'torso'}, {len(demo):,}"] = demo, cameras
    return found


def check() -> str:
    """Compare picture and gradients with the CPU's kernels; raises where they differ."""
    scene, cameras = make_scene(make_splats(20_000)), make_camera(300)
    gradients = {}
    for device in ("cpu", "cuda"):
        leaves = {name: getattr(scene, name).detach().to(device).requires_grad_() for name in DIFFERENTIABLE}
        there = replace(scene.to(device), **leaves)
        rgba = rasterize(there, cameras).rgba
        weights = torch.randn(rgba.shape, generator=torch.Generator().manual_seed(0)).to(device)
        found = torch.autograd.grad((rgba * weights).sum(), list(leaves.values()))
        gradients[device] = rgba.detach().cpu(), [g.cpu() for g in found]
    (truth, expected), (picture, found) = gradients["cpu"], gradients["cuda"]
    # A Gaussian more or less on the very edge of a pixel, where alpha is 1/255.
    worst = float((picture - truth).abs().max())
    errors = {
        name: float((a - b).norm() / b.norm()) for name, a, b in zip(DIFFERENTIABLE, found, expected, strict=True)
    }
    if worst > 5e-3 or max(errors.values()) > 1e-2:
        raise SystemExit(f"the GPU draws something else than the CPU: picture by {worst}, gradients by {errors}")
    return f"largest difference of a picture from the CPU's {worst:.1e}, of a gradient {max(errors.values()):.1e}"


def our_runs(scene: GaussianScene, cameras: Cameras, gradient: torch.Tensor) -> dict[str, Run]:
    """What users call: one picture, one with gradients, and the viewport in both precisions."""
    from tomosplat.render.gpu.viewport import Viewport

    leaves = {name: getattr(scene, name).clone().requires_grad_() for name in DIFFERENTIABLE}
    trained = replace(scene, **leaves)
    views = {half: Viewport(scene, cameras, half=half) for half in (False, True)}

    def both() -> object:
        return torch.autograd.grad((rasterize(trained, cameras).rgba * gradient).sum(), list(leaves.values()))

    return {
        "viewport": lambda: views[False].draw(cameras),
        "viewport, float16": lambda: views[True].draw(cameras),
        "rasterize": lambda: rasterize(scene, cameras),
        "rasterize with gradients": both,
    }


def milliseconds(run: Run, rounds: int) -> list[float]:
    """Time of every round on the GPU, after two to warm up."""
    for _ in range(2):
        run()
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return times


def peak_mb(run: Run) -> float:
    """Most memory that a run takes beyond what was there before."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def floors(c: Counts, gpu: Gpu) -> tuple[float, float]:
    """Shortest milliseconds of a picture, and of a picture with gradients."""
    forward = 1e3 * sum(forward_stages(c, gpu).values())
    return forward, forward + 1e3 * sum(backward_stages(c, gpu).values())


def time_all(scene: GaussianScene, cameras: Cameras, rounds: int, gsplat: Any, floor: tuple[float, float]) -> list[Any]:
    """One row for each candidate."""
    scene = scene.to("cuda")
    gradient = torch.randn(1, cameras.height, cameras.width, 4, device="cuda")
    runs = our_runs(scene, cameras, gradient)
    if gsplat is not None:
        runs["gsplat"], runs["gsplat with gradients"] = gsplat_runs(gsplat, scene, cameras, gradient)
    plain = torch_runs(scene, cameras, torch.device("cuda"))
    runs["plain PyTorch"], runs["plain PyTorch with gradients"] = plain
    rows = []
    for name, run in runs.items():
        times = milliseconds(run, 2 if "PyTorch" in name else rounds)
        best = floor["gradients" in name]
        rows.append(
            {
                "what": name,
                "ms": float(np.median(times)),
                "fastest_ms": min(times),
                "per_s": 1e3 / float(np.median(times)),
                "floor_ms": best,
                "of_floor": float(np.median(times)) / best,
                "peak_mb": peak_mb(run),
            }
        )
        print(listed(rows[-1]), flush=True)
    return rows


def tune(scene: GaussianScene, cameras: Cameras, rounds: int) -> list[dict[str, Any]]:
    """Time other numbers of warps for a tile, forward and backward."""
    from tomosplat.render.gpu import frame

    kept, rows = (frame.WARPS, frame.WARPS_BACKWARD), []
    for warps in (1, 2, 4, 8):
        frame.WARPS = frame.WARPS_BACKWARD = warps
        runs = our_runs(scene.to("cuda"), cameras, torch.randn(1, cameras.height, cameras.width, 4, device="cuda"))
        names = ("viewport", "rasterize with gradients")
        rows.append({"warps": warps} | {name: float(np.median(milliseconds(runs[name], rounds))) for name in names})
        print(listed(rows[-1]), flush=True)
    frame.WARPS, frame.WARPS_BACKWARD = kept
    return rows


def raymarched(rounds: int) -> list[dict[str, Any]]:
    """The ray marcher in every mode, on the CPU and on the GPU: the torso with its organs' functions, prepared once."""
    from tomosplat.anatomy import GROUP_OF_LABEL
    from tomosplat.render import Raymarcher, RaymarchSettings
    from tomosplat.transfer import TransferFunctions
    from tomosplat.volume.torso import torso

    volume, labels = torso()
    scan = (volume, labels, TransferFunctions.preset("seen"), GROUP_OF_LABEL)
    modes = {
        "composite": RaymarchSettings(),
        "pre-integrated": RaymarchSettings(classification="preintegrated"),
        "mip": RaymarchSettings(mode="mip"),
        "average": RaymarchSettings(mode="average"),
    }
    rows = []
    for name, settings in modes.items():
        on = {device: Raymarcher(*scan, settings=settings, device=device) for device in ("cpu", "cuda")}
        for size in SIZES:
            camera = frame_bounds(volume.grid.bounds, sphere_directions(20.0, 5.0), size, size)
            start = time.perf_counter()
            truth = on["cpu"].draw(camera).rgba
            on_cpu = 1e3 * (time.perf_counter() - start)
            worst = float((on["cuda"].draw(camera).rgba.cpu() - truth).abs().max())
            ms = float(np.median(milliseconds(lambda on=on, camera=camera: on["cuda"].draw(camera), rounds)))
            what = f"ray marching, {name}, at {size}²"
            rows.append({"what": what, "ms": ms, "cpu_ms": on_cpu, "largest_difference": worst})
            print(listed(rows[-1]), flush=True)
    return rows


def listed(row: dict[str, Any]) -> str:
    """One line of text."""
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())


def driver() -> str:
    """Version of the driver."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Count, check, time; print, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--scene", type=Path, help="a .ply to use in place of the torso")
    parser.add_argument("--tune", action="store_true", help="also time other numbers of warps")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    problem = gpu_problem()
    gpu = H200 if problem else this_gpu()
    rasterization, about_gsplat = load_gsplat()
    result: dict[str, Any] = {
        "gpu": describe_gpu_backend(),
        "bounds": vars(gpu),
        "gsplat": about_gsplat,
        "versions": machine.versions(),
        "scenes": {},
    }
    print(f"bounds: {listed(vars(gpu))}")
    if problem:
        print(f"skipped: the check against the CPU's kernels, all timings and peak memory: {problem}")
    else:
        result["driver"], result["check"] = driver(), check()
        print(f"driver {result['driver']}; {result['check']}")
    if rasterization is None or problem:
        print(f"skipped: gsplat: {problem if rasterization is not None else about_gsplat}")
    for name, (scene, cameras) in scenes(arguments.scene).items():
        for size in SIZES:
            counts = count(scene, cameras[size])
            stages = forward_stages(counts, gpu) | backward_stages(counts, gpu)
            floor = floors(counts, gpu)
            print(f"\n{name} at {size}²: {listed(vars(counts))}")
            print("floor in ms: " + listed({stage: 1e3 * seconds for stage, seconds in stages.items()}))
            print(f"floor in ms: forward {floor[0]:.3f}, forward and backward {floor[1]:.3f}", flush=True)
            entry = {"counts": vars(counts), "floor_ms": {stage: 1e3 * s for stage, s in stages.items()}}
            if not problem:
                entry["rows"] = time_all(scene, cameras[size], arguments.rounds, rasterization, floor)
                if arguments.tune:
                    entry["warps"] = tune(scene, cameras[size], arguments.rounds)
            result["scenes"][f"{name} at {size}"] = entry
    print()
    result["slices"] = slice_rows(gpu, None if problem else lambda run: milliseconds(run, arguments.rounds))
    for row in result["slices"]:
        print(listed(row))
    if problem:
        print(f"skipped: times of slices and ray marching: {problem}")
    else:
        result["raymarching"] = raymarched(arguments.rounds)
        write(arguments.output, result)


def write(folder: Path, result: dict[str, Any]) -> None:
    """Write gpu.json and gpu.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(result, indent=1))
    lines = [
        "# Splatting on a GPU",
        "",
        f"`python benchmarks/gpu.py`. {listed(result['bounds'])}; driver {result['driver']}; gsplat: "
        f"{result['gsplat']}; {listed(result['versions'])}. {result['check']}.",
        "",
        "Milliseconds are medians; the floor is counted (`benchmarks/gpu_floor.py`). gsplat draws 3D Gaussians without "
        "conditioning on direction; plain PyTorch only composites, on lists made for it.",
        "",
        "| scene | what | ms | pictures/s | floor ms | × floor | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in result["scenes"].items():
        lines += [
            f"| {name}² | {r['what']} | {r['ms']:.3f} | {r['per_s']:.0f} | {r['floor_ms']:.3f} | "
            f"{r['of_floor']:.1f} | {r['peak_mb']:.0f} |"
            for r in entry["rows"]
        ]
    lines += ["", *(f"- {listed(row)}" for row in (*result["slices"], *result["raymarching"]))]
    (folder / "gpu.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
