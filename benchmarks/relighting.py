"""How near a scene whose organs are switched comes to one primed for what is left, and how quickly.

    python benchmarks/relighting.py [--sets skeleton ...] [--lights march bake]

The demo CT at 1.5 mm, seen transfer functions, studio lights, four views of each set of organs at 400². "Truth" is the
path tracer with 2 × 16 samples a pixel: the product of the errors against two independent halves is the squared error
without the noise of either. The pictures of the truth are kept in the cache. Then the page in chromium does the same.
Writes benchmarks/relighting.md.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import tomosplat.viewer
from tomosplat.anatomy import resolve_organs
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras, frame_points, sphere_directions
from tomosplat.lighting import load_rig
from tomosplat.machine import cache_dir, describe_machine, versions
from tomosplat.pipeline.options import PrimingOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.relight import relit
from tomosplat.pipeline.scan import PreparedScan, color_scan
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, pathtrace, rasterize
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing import pack_gaussians
from tomosplat.volume import OpticalVolume
from viewer_pages import chromium, with_scene
from viewer_scenes import demo_scan

Pictures = NDArray[np.float32]
Lighting = Literal["march", "bake"]

SETS = {
    "skeleton": "skeleton",
    "inner organs": "spleen,liver,digestive,gland,lung,trachea,cardiovascular,urogenital",
    "heart and vessels": "cardiovascular",
    "liver": "liver",
    "muscles": "muscle",
}
SEEN = TransferFunctions.preset("seen")
_SIZE, _SAMPLES = 400, 16
_REPEATS = 5
_PAGE = Path(tomosplat.viewer.__file__).parent / "static" / "viewer.html"


@dataclass(frozen=True)
class Truth:
    """Two independent path-traced pictures of each view, [C, H, W, 3]."""

    first: Pictures
    second: Pictures

    def psnr(self, pictures: Pictures) -> float:
        """In dB, the noise of the truth taken out."""
        return -10 * math.log10(float(np.mean((pictures - self.first) * (pictures - self.second))))


def psnr(a: Pictures, b: Pictures) -> float:
    return -10 * math.log10(float(np.mean((a - b) ** 2)))


def prime(scan: PreparedScan, labels: list[int] | None, light: Lighting) -> GaussianScene:
    return prime_prepared(scan, SEEN, labels, PrimingOptions(light=light), Report())


def trace(optical: OpticalVolume, cameras: Cameras, name: str) -> Truth:
    """The truth of a set, from the cache where it is there."""
    halves = []
    for seed in range(2):
        path = cache_dir() / "benchmark-relighting" / f"{name}-{_SIZE}-{_SAMPLES}-{seed}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            settings = PathTraceSettings(samples=_SAMPLES, seed=seed)
            np.save(path, pathtrace(optical, cameras, load_rig("studio"), settings=settings).encoded())
        halves.append(np.load(path)[..., :3])
    return Truth(*halves)


def lit_as_primed(part: GaussianScene, own: GaussianScene) -> GaussianScene:
    """The same Gaussians with the colours of those that were primed for the set: what boundaries lose."""
    _, nearest = cKDTree(own.means.numpy()).query(part.means.numpy())
    return replace(part, sh=own.sh[torch.from_numpy(nearest)])


def row(scan: PreparedScan, whole: GaussianScene, name: str, light: Lighting) -> str:
    """One set of the table."""
    labels = resolve_organs(SETS[name])
    optical = color_scan(scan, SEEN, labels, Report())
    directions = sphere_directions([20, 110, 200, 290], [5, 30, -20, 15])
    cameras = frame_points(optical_outline(optical), directions, _SIZE, _SIZE)
    truth, own = trace(optical, cameras, name), prime(scan, labels, light)
    relit(whole, labels)  # compiles
    started = time.process_time()
    part = relit(whole, labels)
    seconds = time.process_time() - started

    def drawn(scene: GaussianScene, visible: list[int] | None = None) -> Pictures:
        pictures: Pictures = rasterize(scene, cameras, visible=visible).rgba[..., :3].numpy()
        return pictures

    primed, cut, lit, bounds = drawn(own), drawn(whole, labels), drawn(part), drawn(lit_as_primed(part, own))
    numbers = [truth.psnr(primed), truth.psnr(cut), truth.psnr(lit), psnr(cut, primed), psnr(lit, primed)]
    cells = " | ".join(f"{number:.1f}" for number in [*numbers, psnr(bounds, primed)])
    print(light, name, cells, flush=True)
    return f"| {light} | {name} | {len(part):,} | {cells} | {seconds:.1f} |"


_SHOW_ONLY = """async (labels) => {
    const { store, relighter } = tomosplat, started = performance.now();
    store.set({ visible: Array.from({ length: 256 }, (_, label) => labels.includes(label)) });
    await relighter.idle();
    return performance.now() - started;
}"""
_LIT = "window.tomosplat?.relighter?.complete && tomosplat.renderer.stats.drawn > 0"


def in_browser(whole: GaussianScene, template: Path, folder: Path) -> str:
    """Milliseconds from a switch to the light in the page, for each set: the first time, and the best of later ones."""
    path = folder / "relighting.html"
    path.write_text(with_scene(template.read_text(encoding="utf-8"), pack_gaussians(whole, title="Demo")))
    times: dict[str, list[float]] = {name: [] for name in SETS}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 320, "height": 240})
        page.goto(path.as_uri())
        page.wait_for_function(_LIT)
        page.evaluate("tomosplat.renderer.idle()")
        for name in list(SETS) * (1 + _REPEATS):
            times[name].append(page.evaluate(_SHOW_ONLY, resolve_organs(SETS[name])))
            page.evaluate("tomosplat.renderer.idle()")
    rows = [f"| {name} | {first:.0f} | {min(later):.0f} |" for name, (first, *later) in times.items()]
    return "\n".join(rows)


def main() -> None:
    """Measure, print and write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", type=Path, default=_PAGE, help="a built viewer.html")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--lights", nargs="+", choices=["march", "bake"], default=["march", "bake"])
    arguments = parser.parse_args()
    scan = demo_scan()
    wholes = {light: prime(scan, None, light) for light in arguments.lights}
    rows = "\n".join(row(scan, whole, name, light) for light, whole in wholes.items() for name in arguments.sets)
    whole = wholes[arguments.lights[0]]
    with tempfile.TemporaryDirectory() as folder:
        browser_rows = in_browser(whole, arguments.page, Path(folder))
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    text = f"""# Light that follows what is visible

`{shlex.join(["python", *sys.argv])}`: the demo CT at 1.5 mm, primed once for all organs ({len(whole):,} Gaussians),
then shown in part; beside it, scenes primed for the part alone. Four views at {_SIZE}², PSNR of the whole picture in
dB. Truth: the path tracer, {2 * _SAMPLES} samples a pixel in two independent halves, whose noise is taken out of the
numbers.

"Cut" hides the other organs and keeps the light that the scene has with them; "relit" is what `render --organs` shows.
"Same light" gives the relit Gaussians the colours of those that were primed for the part: what is left is lost at the
borders of organs, where blocks are shared and surfaces were inside. Seconds of processor time for `relit`, compiled.

| | | | truth | truth | truth | primed for it | primed for it | primed for it | |
|---|---|---|---|---|---|---|---|---|---|
| light | shown | Gaussians | primed for it | cut | relit | cut | relit | same light | s |
{rows}

In the page, milliseconds on the clock from a switch to the new light (chromium, in a worker):

| shown | first | best of {_REPEATS} |
|---|---|---|
{browser_rows}

Machine: {machine}; load average {os.getloadavg()[0]:.1f}.

Versions: {", ".join(f"{key} {value}" for key, value in versions().items())}.
"""
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
