"""Our page beside Spark's in one browser: how long a frame takes, whether the pictures agree; sizes, first picture.

    python benchmarks/viewer.py [--demo]

Needs chromium and npm, which fetches Spark and three for this benchmark only. The pages take turns with the same
scene, camera and size; each frame is moved, sorted anew, drawn at full resolution, and waited for. Writes
benchmarks/viewer.md.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser
from torch import Tensor

from tomosplat import machine
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.metrics import psnr
from tomosplat.render import rasterize
from tomosplat.viewer.html import write_html
from tomosplat.viewer.packing import pack_gaussians, unpack_gaussians
from viewer_pages import MANNERS, Pages, build, chromium, first_picture_seconds, open_pages
from viewer_scenes import demo_scan, primed, random_scene, torso_scan
from viewer_timing import frame_row, measure, turning

HERE = Path(__file__).resolve().parent
SIZES = ((640, 480), (1280, 720))
EXPORTED = 300_000


def rasterized(scene: GaussianScene, pages: Pages) -> Tensor:
    """What the CPU rasteriser gives for the picture that our page drew last, [H, W, 3] on black."""
    camera = pages.ours.page.evaluate("tomosplat.renderer.camera")
    viewmat = np.eye(4)
    viewmat[:3, :3] = np.reshape(camera["rotation"], (3, 3))
    viewmat[:3, 3] = -viewmat[:3, :3] @ camera["position"]
    K = np.array([[camera["fx"], 0, camera["cx"]], [0, camera["fy"], camera["cy"]], [0, 0, 1]])
    cameras = Cameras(viewmat[None], K[None], camera["width"], camera["height"])
    return rasterize(scene, cameras).rgba[0, ..., :3].double()


def picture_row(pages: Pages, scene: GaussianScene, unpacked: GaussianScene) -> str:
    """Decibels between pictures of the pages, the CPU rasteriser's of the same data, and its of the unpacked scene."""
    orbit = turning(pages.start, 0, 1)[0]
    canvas, floats = pages.ours.canvas(orbit), pages.ours.floats(orbit)
    spark_canvas, spark_floats = pages.spark.canvas(orbit), pages.spark.floats(orbit)
    default = pages.spark.in_manner(MANNERS[1]).canvas(orbit)
    truth = rasterized(unpacked, pages)
    pairs = (
        (canvas, spark_canvas),
        (floats, spark_floats),
        (canvas, truth),
        (floats, truth),
        (spark_canvas, truth),
        (spark_floats, truth),
        (default, truth),
        (truth, rasterized(scene, pages)),
    )
    return " | ".join(f"{float(psnr(a, b)):.1f}" for a, b in pairs)


def compare(
    browser: Browser, folder: Path, scenes: dict[str, GaussianScene], rounds: int, frames: int
) -> tuple[list[str], list[str]]:
    """Rows of the table of frames, and of the table of pictures."""
    timings, pictures = [], []
    for name, scene in scenes.items():
        blob = pack_gaussians(scene, title=name)
        with open_pages(browser, folder, blob) as pages:
            for size in SIZES:
                pages.resize(*size)
                what = f"| {name}, {len(scene):,} | {size[0]}×{size[1]} |"
                timings.append(f"{what} {frame_row(measure(pages, rounds, frames))} |")
                pictures.append(f"{what} {picture_row(pages, scene, unpack_gaussians(blob))} |")
                print(timings[-1], pictures[-1], sep="\n", flush=True)
    return timings, pictures


def exported_bytes(scene: GaussianScene, folder: Path) -> int:
    """What the scene weighs as a shared file."""
    path = folder / "exported.html"
    write_html(path, scene)
    return path.stat().st_size


def compressed_kb(path: Path) -> float:
    """Of a text, with gzip."""
    return len(gzip.compress(path.read_bytes(), 9)) / 1e3


def main() -> None:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true", help="also the demo CT; fetched if the cache does not hold it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=1, help="frames of a turn that count")
    parser.add_argument("--spacing", type=float, default=2.0, help="of the procedural torso, mm")
    arguments = parser.parse_args()
    scans = {"procedural torso": torso_scan(arguments.spacing)} | ({"demo CT": demo_scan()} if arguments.demo else {})
    scenes = {f"random {n // 1000}k": random_scene(n) for n in (100_000, EXPORTED)}
    scenes |= {name: primed(scan) for name, scan in scans.items()}
    shown = list(scans)[-1]
    starts = [first_picture_seconds(scans[shown], scenes[shown]) for _ in range(arguments.rounds)]
    seconds, everything = (statistics.median(times) for times in zip(*starts, strict=True))
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        page, rival = build(folder)
        timings, pictures = compare(browser, folder, scenes, arguments.rounds, arguments.frames)
        sizes = [
            f"| our page and renderer, gzip | {compressed_kb(page):.1f} kB | < 120 kB |",
            f"| Spark's page without any interface, gzip | {compressed_kb(rival):.1f} kB | |",
            f"| HTML export of {EXPORTED:,} random Gaussians | "
            f"{exported_bytes(scenes[f'random {EXPORTED // 1000}k'], folder) / 1e6:.1f} MB | < 25 MB |",
            f"| first picture of the {shown} from `serve`, median of {arguments.rounds} | {seconds:.2f} s | < 3 s |",
            f"| the same with all Gaussians and slices | {everything:.2f} s | |",
        ]
        text = PAGE.format(
            command="python benchmarks/viewer.py" + " --demo" * arguments.demo,
            rounds=arguments.rounds,
            frames=arguments.frames,
            timings="\n".join(timings),
            pictures="\n".join(pictures),
            sizes="\n".join(sizes),
            browser=browser.version,
            machine=", ".join(f"{key} {value}" for key, value in machine.describe_machine().items()),
            versions=", ".join(f"{key} {value}" for key, value in machine.versions().items()),
        )
    (HERE / "viewer.md").write_text(text, encoding="utf-8")
    print(text)


PAGE = """# The viewer beside Spark

`{command}`: our page and a page of [Spark](https://sparkjs.dev) 2.2.0 in one chromium that draws in software
(SwiftShader), on the same packed scene, with the same camera and the same slicing of 6D Gaussians. Every frame is
moved, sliced, sorted anew, drawn at full resolution into the canvas, and waited for. The pages take turns, {rounds}
rounds, in each {frames} after one that is not counted.

"Spark" draws Gaussians as far as we do, to 1/255, sorted by depth; "of itself" it cuts them off elsewhere and blurs
them otherwise. Milliseconds are medians, in brackets until sorted. × is how many times as long as ours a frame takes,
median of the rounds' ratios; × CPU is the same of the processor time of the whole browser, which other work on the
machine disturbs less.

| scene, Gaussians | picture | ours, ms | Spark, ms | × | × CPU | Spark of itself, ms | × | × CPU |
|---|---|---|---|---|---|---|---|---|
{timings}

PSNR in dB of one view, on black. Canvases have eight bits, in which Spark also blends; "floats" are our `picture` and
Spark drawing into a float texture. "CPU" is `tomosplat.rasterize` of the packed scene; packing compares that with the
scene as it was, both rasterised on the CPU.

| scene, Gaussians | picture | our canvas, Spark's | our floats, Spark's | our canvas, CPU | our floats, CPU \
| Spark's canvas, CPU | Spark's floats, CPU | Spark of itself, CPU | packing |
|---|---|---|---|---|---|---|---|---|---|
{pictures}

| | | aim |
|---|---|---|
{sizes}

Chromium {browser}, SwiftShader; Spark 2.2.0, three 0.187.0. Machine: {machine}. Versions: {versions}.
"""


if __name__ == "__main__":
    main()
