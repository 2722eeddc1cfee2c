"""Speed of the CPU splatting, side by side with its prototype and with plain PyTorch; writes ``rasterize.md``.

    python benchmarks/rasterize.py [--prototype DIR] [--rounds 7] [--gaussians 300000]

All candidates take turns in one process. "CPU" is processor time divided by the number of threads, median of the
rounds, which other work on the machine disturbs least; "wall" is the clock's time in the least disturbed round.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# For the prototype, whose OpenMP threads would otherwise spin; and its caches stay out of its folder.
os.environ["OMP_WAIT_POLICY"] = "passive"
sys.dont_write_bytecode = True
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / "tomosplat-benchmark-cache"))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from rasterize_scene import Splats, make_camera, make_scene, make_splats  # noqa: E402
from rasterize_torch import Seconds, Tiles, tiles_of, time_backward, time_forward  # noqa: E402
from tomosplat import machine  # noqa: E402
from tomosplat.gaussians import GaussianScene  # noqa: E402
from tomosplat.geometry import Cameras  # noqa: E402
from tomosplat.render import rasterize  # noqa: E402
from tomosplat.render.cpu.backend import best_lanes, describe_cpu_backend  # noqa: E402
from tomosplat.render.cpu.frame import Parameters, draw  # noqa: E402
from tomosplat.render.projection import camera_row  # noqa: E402

HERE = Path(__file__).resolve().parent
DIFFERENTIABLE = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh")
Timings = dict[str, list[Seconds]]

FIRST_PICTURE = """
import time
start = time.perf_counter()
import torch
from rasterize_scene import make_camera, make_scene, make_splats
scene, camera = make_scene(make_splats(2000)), make_camera(200)
prepared = time.perf_counter()
from tomosplat.render import rasterize
rasterize(scene, camera)
first = time.perf_counter()
for name in ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh"):
    getattr(scene, name).requires_grad_()
rasterize(scene, camera).rgba.sum().backward()
print(first - prepared, time.perf_counter() - first)
"""


def timed(timings: Timings, name: str, work: Callable[[], Any]) -> Any:
    """Run and note how long it took."""
    start = Seconds.now()
    result = work()
    timings.setdefault(name, []).append(Seconds.now().since(start))
    return result


def load_prototype(folder: Path) -> Any | None:
    """The prototype's renderer, or None where it is not there."""
    if not (folder / "nbe.py").is_file():
        return None
    sys.path.insert(0, str(folder))
    import nbe  # type: ignore[import-not-found]

    return nbe.Em()


def measure(splats: Splats, size: int, rounds: int, prototype: Any | None, with_torch: bool) -> Timings:
    """Forward and backward of every candidate, in turns; the first round is for warming up."""
    scene, cameras = make_scene(splats), make_camera(size)
    tiles = torch_tiles(scene, cameras) if with_torch else None
    for name in DIFFERENTIABLE:
        getattr(scene, name).requires_grad_()
    gradient = torch.randn(1, size, size, 4, generator=torch.Generator().manual_seed(2))
    timings: Timings = {}
    for _ in range(rounds + 1):
        picture = timed(timings, "ours forward", lambda: rasterize(scene, cameras).rgba)
        timed(timings, "ours backward", lambda: picture.backward(gradient))  # noqa: B023
        for tensor in scene.tensors().values():
            tensor.grad = None
        if prototype is not None:
            measure_prototype(timings, prototype, splats, cameras, gradient)
        if tiles is not None:
            seconds, alpha = time_forward(tiles)
            if abs(alpha - float(picture[..., 3].detach().double().sum())) > 1e-4 * alpha:
                raise SystemExit("the PyTorch baseline does not draw the same picture")
            timings.setdefault("torch forward", []).append(seconds)
            timings.setdefault("torch backward", []).append(time_backward(tiles))
    return {name: seconds[1:] for name, seconds in timings.items()}


def measure_prototype(
    timings: Timings, prototype: Any, splats: Splats, cameras: Cameras, gradient: torch.Tensor
) -> None:
    """One round of the prototype: 3D Gaussians of one colour, gradients of 2D quantities only."""
    size, K = cameras.width, cameras.Ks[0]
    scene = (splats.means, splats.scales, splats.quaternions, splats.opacities, splats.colours)
    viewmat = cameras.viewmats[0, :3].astype(np.float32)
    black = np.zeros(3, np.float32)
    view = (viewmat, np.float32(K[0, 0]), np.float32(K[0, 2]), size, size, black)
    timed(timings, "prototype forward", lambda: prototype.forward(scene, *view))
    pixels = gradient.numpy().reshape(-1, 4)
    timed(timings, "prototype backward", lambda: prototype.backward(pixels, splats.opacities))


def torch_tiles(scene: GaussianScene, cameras: Cameras) -> Tiles:
    """What plain PyTorch gets for free: projected Gaussians and sorted lists, from our kernels."""
    picture = np.empty((cameras.height, cameras.width, 4), np.float32)
    arrays = {name: tensor.numpy() for name, tensor in scene.tensors().items()}
    parameters = Parameters(direction_weight=scene.direction_weight, **arrays)
    frame = draw(parameters, np.ones(256, np.uint8), camera_row(cameras, 0), True, best_lanes(), picture)
    return tiles_of(frame, cameras.width)


def first_picture_seconds() -> list[str]:
    """Seconds to the first picture and the first gradient in a fresh process, compiling and with everything cached."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for name in ("compiling (once per machine)", "compiled before"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST_PICTURE],
                cwd=HERE,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            picture, gradient = map(float, done.stdout.split())
            rows.append(f"| {name} | {picture:.1f} | {gradient:.1f} |")
    return rows


def table(size: int, timings: Timings, threads: int) -> list[str]:
    """Markdown rows: milliseconds, and how many times as long as ours each takes."""
    rows = []
    for name, seconds in sorted(timings.items(), key=lambda item: (item[0].split()[1] != "forward", item[0])):
        ours = timings[f"ours {name.split()[1]}"]
        cpu = np.median([s.cpu for s in seconds]) * 1e3 / threads
        wall, wall_ours = (min(s.wall for s in values) * 1e3 for values in (seconds, ours))
        ratio_cpu = np.median([s.cpu / o.cpu for s, o in zip(seconds, ours, strict=True)])
        rows.append(f"| {size}² | {name} | {cpu:.1f} | {wall:.1f} | {ratio_cpu:.2f} | {wall / wall_ours:.2f} |")
    return rows


def listed(facts: dict[str, Any]) -> str:
    """One line of text."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def main() -> None:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prototype", type=Path, default=HERE.parents[1] / "shared" / "prototypes" / "cpu_rasterizer")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gaussians", type=int, default=300_000)
    arguments = parser.parse_args()
    threads = torch.get_num_threads()
    splats, prototype = make_splats(arguments.gaussians), load_prototype(arguments.prototype)
    rows = []
    for size in (800, 1600):
        timings = measure(splats, size, arguments.rounds, prototype, with_torch=size == 800)
        rows += table(size, timings, threads)
    page = PAGE.format(
        rounds=arguments.rounds,
        gaussians=f"{arguments.gaussians:,}",
        rows="\n".join(rows),
        first="\n".join(first_picture_seconds()),
        machine=listed(machine.describe_machine()),
        kernels=listed(describe_cpu_backend()),
        versions=listed(machine.versions()),
    )
    (HERE / "rasterize.md").write_text(page)
    print(page)


PAGE = """# Splatting on the CPU

`python benchmarks/rasterize.py --rounds {rounds}`, {gaussians} Gaussians (a thick shell and five organs).

Ours conditions 6D Gaussians on the view, evaluates degree-1 harmonics, and returns gradients of every 6D parameter.
The prototype draws 3D Gaussians of one colour, and its gradients stop at 2D quantities. Plain PyTorch only composites,
one tile after the other, on lists that our kernels sorted and cut where pixels are finished; its backward pass is
autograd's. CPU is processor time / threads, median of the rounds; wall is the clock's time in the least disturbed
round. Ratios are to ours: of CPU per round, median; of the best walls. Where wall is far above CPU for kernels that
use every thread, other work held the machine, and only the CPU columns compare; PyTorch mostly uses one thread.

| picture | what | CPU ms | wall ms | × ours, CPU | × ours, wall |
|---|---|---|---|---|---|
{rows}

Seconds in a fresh process (2,000 Gaussians), torch already imported:

| kernels | first picture | first gradients, after it |
|---|---|---|
{first}

Machine: {machine}; {kernels}.

Versions: {versions}.
"""


if __name__ == "__main__":
    main()
