"""A scene in the built page, and its renderer asked directly."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page
from tests.viewer.numpy_splatting import Camera
from tests.viewer.torso_page import filled

from tomosplat.viewer.packing import Blob

Array = NDArray[np.float64]
#: Gives bytes as text, which playwright passes on quickly.
TO_TEXT = """(floats) => {
    let text = "";
    for (const byte of new Uint8Array(floats.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
}"""


def open_scene(page: Page, viewer_html: Path, folder: Path, scene: Blob, volume: Blob | None = None) -> Page:
    """Show a scene, all of it, and stand still."""
    blobs = {"scene": scene.compressed()} | ({} if volume is None else {"volume": volume.compressed()})
    path = folder / "scene.html"
    path.write_text(filled(viewer_html.read_text(encoding="utf-8"), blobs), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function(f"window.tomosplat?.renderer?.stats.count === {scene.header['count']}")
    if volume is not None:
        page.wait_for_function("tomosplat.scenes.state.volume")
    # What is drawn is held to the scene's own light, or to that which a test gives.
    page.evaluate("void (tomosplat.relighter.apply = () => undefined)")
    page.evaluate("tomosplat.renderer.idle()")
    return page


def set_state(page: Page, **parts: Any) -> None:
    page.evaluate("(parts) => tomosplat.store.set(parts)", parts)


def hide(page: Page, *labels: int) -> None:
    """Show all organs but these."""
    set_state(page, visible=[label not in labels for label in range(256)])


def picture(page: Page, camera: Camera, renderer: str = "tomosplat.renderer") -> Array:
    """What a renderer draws for a camera: RGBA premultiplied [H, W, 4]."""
    text = page.evaluate(f"async (camera) => ({TO_TEXT})(await {renderer}.picture(camera))", camera.to_page())
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(camera.height, camera.width, 4).astype(np.float64)


def probe(page: Page, position: Array, forward: Array | None = None) -> Mapping[str, Array]:
    """Means, opacities and colours of every Gaussian as the shaders make them."""
    direction = None if forward is None else forward.tolist()
    script = f"""([position, forward]) => Object.entries(tomosplat.renderer.probe(position, forward))
        .map(([name, floats]) => [name, ({TO_TEXT})(floats)])"""
    texts = page.evaluate(script, [position.tolist(), direction])
    arrays = {name: np.frombuffer(base64.b64decode(text), np.float32).astype(np.float64) for name, text in texts}
    return {name: array if name == "opacities" else array.reshape(-1, 3) for name, array in arrays.items()}


def psnr(a: Array, b: Array) -> float:
    """Decibels against white."""
    return float(-10 * np.log10(np.mean((a - b) ** 2)))
