"""Shared pages, opened as whoever gets them opens them: from disk, without a network, or framed in a notebook."""

from __future__ import annotations

import base64
import gzip
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.viewer.packed_scenes import lit_scene, measured_scene

from tomosplat.viewer.html import write_html
from tomosplat.viewer.packing import pack_volume
from tomosplat.viewer.serving.page import PageTemplate
from tomosplat.volume.torso import torso

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def template(viewer_html: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put scenes into the page under test."""
    page = PageTemplate(viewer_html.read_text(encoding="utf-8"), "")
    monkeypatch.setattr("tomosplat.viewer.html.load_page", lambda: page)


@pytest.fixture
def shared(template: None, tmp_path: Path) -> Path:
    path = tmp_path / "scene.html"
    volume = pack_volume(*torso(spacing_mm=10))
    write_html(path, lit_scene(500), title="A <title> & more", volume=volume)
    return path


# Waiting is always for functions: the page's policy forbids Playwright to evaluate text in it again and again.


@pytest.fixture
def heard(page: Page) -> list[str]:
    """What the page asks for and complains of."""
    told: list[str] = []
    page.context.set_offline(True)
    page.on("request", lambda request: told.append(request.url.partition(":")[0]))
    page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    return told


def test_a_shared_page_shows_the_errors_of_a_measured_scene(
    page: Page, heard: list[str], template: None, tmp_path: Path
) -> None:
    write_html(tmp_path / "scene.html", measured_scene(500))
    page.goto((tmp_path / "scene.html").as_uri())
    page.wait_for_function("() => window.tomosplat?.hasPicture")
    page.get_by_role("button", name="Fidelity", exact=True).click()
    scale = page.locator(".error-scale")
    assert "gradient" in scale.evaluate("scale => getComputedStyle(scale).backgroundImage")
    expect(page.get_by_role("figure", name="Fidelity: what the colours mean")).to_contain_text("≥ 20")
    expect(page.locator(".trust").first).to_be_visible()
    assert set(heard) <= {"file", "blob"}


def test_a_shared_page_shows_its_scene_and_slices_without_a_network(page: Page, heard: list[str], shared: Path) -> None:
    page.goto(shared.as_uri())
    page.wait_for_function("() => tomosplat.scenes?.state.volume")
    page.evaluate("tomosplat.renderer.idle()")
    assert page.evaluate("tomosplat.renderer.stats.drawn") > 0
    assert page.evaluate("tomosplat.scenes.state.header.count") == 500
    expect(page).to_have_title(re.compile("A <title> & more"))
    assert set(heard) <= {"file", "blob"}


def test_the_browser_itself_keeps_a_shared_page_from_any_network(page: Page, shared: Path) -> None:
    page.goto(shared.as_uri())
    page.wait_for_function("() => tomosplat.hasPicture")
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text) if message.type == "error" else None)
    asked = "fetch('http://127.0.0.1:9/').catch((error) => error.message)"
    assert page.evaluate(asked) == "Failed to fetch"
    assert "Content Security Policy" in blocked[0]


def test_a_scene_without_slices_shows_too(page: Page, heard: list[str], template: None, tmp_path: Path) -> None:
    write_html(tmp_path / "scene.html", lit_scene(500))
    page.goto((tmp_path / "scene.html").as_uri())
    page.wait_for_function("() => tomosplat.hasPicture")
    assert page.evaluate("tomosplat.scenes.state.volume") is None
    assert set(heard) <= {"file", "blob"}


def test_a_scene_shows_itself_in_a_sandboxed_frame(page: Page, heard: list[str], template: None) -> None:
    page.set_content("<div></div>")
    page.evaluate("(output) => { document.querySelector('div').innerHTML = output; }", lit_scene(500)._repr_html_())
    frame = page.frames[-1]
    frame.wait_for_function("() => window.tomosplat?.hasPicture")
    frame.evaluate("tomosplat.renderer.idle()")
    assert frame.evaluate("tomosplat.renderer.stats.drawn") > 0
    assert frame.evaluate("self.origin") == "null"
    assert set(heard) <= {"blob"}


def test_a_scene_in_a_saved_notebook_fills_its_frame(page: Page, template: None, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f'<!doctype html><meta charset="utf-8"><h1>Saved</h1>{lit_scene(500)._repr_html_()}')
    page.goto(path.as_uri())
    frame = page.frames[-1]
    frame.wait_for_function("() => window.tomosplat?.hasPicture")
    low, high = frame.evaluate("tomosplat.scenes.state.header.extent_mm")
    # Seen from the front at this distance, a field of 25 degrees holds the scene and not much besides.
    seen = 2 * frame.evaluate("tomosplat.store.state.orbit.distance") * math.tan(math.radians(12.5))
    assert high[2] - low[2] < seen < 3 * max(high[axis] - low[axis] for axis in range(3))


def respelled(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the compressed scene in a page."""
    mark = re.compile(r'(?<=id="tomosplat-scene">)[^<]*')
    text = path.read_text()
    data = base64.b64decode(mark.search(text)[0])  # type: ignore[index]
    path.write_text(mark.sub(base64.b64encode(change(data)).decode(), text, count=1))


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: b"", "without its scene"),
        (flipped, "damaged"),
        (lambda data: gzip.compress(b"PK\3\4" + bytes(100)), "no scene data"),
        (lambda data: gzip.compress(gzip.decompress(data) + b"more"), "more of them"),
        (lambda data: gzip.compress(gzip.decompress(data).replace(b'"chunks":[500]', b'"chunks":[900]')), "chunks"),
    ],
)
def test_spoilt_scenes_show_a_message(page: Page, shared: Path, change: Callable[[bytes], bytes], says: str) -> None:
    respelled(shared, change)
    page.goto(shared.as_uri())
    expect(page.get_by_role("alert").first).to_contain_text(says)
