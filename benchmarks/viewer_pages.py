"""The two pages that are compared, built from today's sources and driven in one browser."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from torch import Tensor

from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.viewer.packing import Blob
from tomosplat.viewer.serving import PreparedSource, Server, serve
from tomosplat.viewer.serving.page import MARK

HERE = Path(__file__).resolve().parent
#: A browser that asks nobody for anything, and draws in software where there is no graphics card.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
VIEWPORT: ViewportSize = {"width": 1280, "height": 720}
#: How Spark draws: Gaussians as far as we do, or of itself.
MANNERS = ("same", "default")
#: In our page: something of the scene is on the canvas; all of its Gaussians have arrived.
FIRST = "window.tomosplat?.renderer?.stats.frames > 0 && tomosplat.renderer.stats.drawn > 0"
WHOLE = (
    "window.tomosplat?.scenes !== undefined && tomosplat.renderer.stats.count === tomosplat.scenes.state.header.count"
)
Orbit = dict[str, Any]


def build(folder: Path) -> tuple[Path, Path]:
    """Build today's pages into ``folder``/ours and ``folder``/spark; returns our page, and Spark's script."""
    for source, target, more in ((HERE.parent / "web", "ours", ()), (HERE / "viewer", "spark", ("--base", "./"))):
        if not (source / "node_modules").is_dir():
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=source, check=True)
        command = ["npx", "vite", "build", "--logLevel", "error", "--outDir", str(folder / target), *more]
        subprocess.run(command, cwd=source, check=True)
    (script,) = (folder / "spark" / "assets").glob("*.js")
    return folder / "ours" / "viewer.html", script


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, drawing in software."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, over loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def with_scene(template: str, blob: Blob) -> str:
    """Our page as a shared file."""
    data = base64.b64encode(blob.compressed()).decode("ascii")
    config = '<script type="application/json" id="tomosplat-config">{"mode": "embedded"}</script>'
    scene = f'<script type="application/octet-stream" id="tomosplat-scene">{data}</script>'
    return template.replace(MARK, config + scene, 1)


@dataclass(frozen=True)
class DrivenPage:
    """A page whose ``window.benchmark`` draws frame by frame.

    Attributes:
        page: The page.
        manner: How Spark draws; none for ours.
    """

    page: Page
    manner: str | None = None

    def in_manner(self, manner: str) -> DrivenPage:
        """The same page, drawing otherwise."""
        return replace(self, manner=manner)

    def turn(self, orbits: list[Orbit]) -> list[tuple[float, float]]:
        """Draw frames: of each, milliseconds until sorted, and in all."""
        self.page.bring_to_front()
        return [(sorting, whole) for sorting, whole in (self._ask("frame", orbit) for orbit in orbits)]

    def canvas(self, orbit: Orbit) -> Tensor:
        """What a person sees, [H, W, 3] in 0..1."""
        return self._picture("canvasBytes", orbit, np.uint8) / 255

    def floats(self, orbit: Orbit) -> Tensor:
        """The same without rounding, [H, W, 3]."""
        return self._picture("floatPixels", orbit, np.float32)

    def _picture(self, method: str, orbit: Orbit, dtype: type[np.generic]) -> Tensor:
        self.page.bring_to_front()
        answer = self._ask(method, orbit)
        numbers = np.frombuffer(base64.b64decode(answer["data"]), dtype).reshape(answer["height"], answer["width"], 4)
        picture = torch.from_numpy(numbers[..., :3].astype(np.float64))
        return picture.flip(0) if answer["upwards"] else picture

    def _ask(self, method: str, orbit: Orbit) -> Any:
        return self.page.evaluate(f"args => benchmark.{method}(...args)", [orbit, self.manner])


@dataclass(frozen=True)
class Pages:
    """Our page and Spark's with one scene in both.

    Attributes:
        start: How our page looks at the scene at first.
    """

    ours: DrivenPage
    spark: DrivenPage
    start: Orbit

    @property
    def turns(self) -> dict[str, DrivenPage]:
        """Who takes turns, ours first."""
        return {"ours": self.ours, **{manner: self.spark.in_manner(manner) for manner in MANNERS}}

    def resize(self, width: int, height: int) -> None:
        """Give both canvases a size in pixels."""
        for driven in (self.ours, self.spark):
            driven.page.evaluate("([width, height]) => benchmark.resize(width, height)", [width, height])


@contextmanager
def open_pages(browser: Browser, folder: Path, blob: Blob) -> Iterator[Pages]:
    """Open both pages, built in a folder before, with a scene in them."""
    (folder / "scene.blob").write_bytes(blob.compressed())
    template = (folder / "ours" / "viewer.html").read_text(encoding="utf-8")
    (folder / "scene.html").write_text(with_scene(template, blob), encoding="utf-8")
    with served(folder) as address, browser.new_context(viewport=VIEWPORT) as context:
        ours = context.new_page()
        ours.goto(f"{address}/scene.html")
        _await(ours, WHOLE)
        ours.add_script_tag(path=HERE / "viewer" / "ours.js")
        spark = context.new_page()
        spark.goto(f"{address}/spark/index.html")
        _await(spark, "window.benchmark !== undefined")
        spark.evaluate("benchmark.load('../scene.blob')")
        start = ours.evaluate("tomosplat.store.state.orbit")
        yield Pages(DrivenPage(ours), DrivenPage(spark, MANNERS[0]), start)


def first_picture_seconds(scan: PreparedScan, scene: GaussianScene) -> tuple[float, float]:
    """Seconds from navigation to the first Gaussians on the canvas, and until all and the slices are there and sharp.

    The page comes from tomosplat's own server, over loopback, which has the scene ready; the browser was just started.
    """
    with serve(PreparedSource(scan, scene)) as server, chromium() as browser:
        _wait_until_ready(server)
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(server.url, wait_until="domcontentloaded")
        first = _await(page, f"{FIRST} && performance.now()")
        _await(page, f"{WHOLE} && tomosplat.scenes.state.volume !== null")
        return first / 1e3, page.evaluate("tomosplat.renderer.idle().then(() => performance.now())") / 1e3


def _await(page: Page, expression: str) -> Any:
    """Ask until it is true; from outside, for the page's policy forbids to evaluate text inside it."""
    while not (answer := page.evaluate(expression)):
        time.sleep(0.01)
    return answer


def _wait_until_ready(server: Server) -> None:
    address, _, token = server.url.partition("?token=")
    request = urllib.request.Request(f"{address}api/scenes", headers={"X-Tomosplat-Token": token})
    while True:
        with urllib.request.urlopen(request) as answer:
            if all(scene["state"] == "ready" for scene in json.load(answer)):
                return
        time.sleep(0.1)
