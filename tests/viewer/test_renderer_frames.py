"""When the page draws, at which resolution, and what it survives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from tests.render.random_scenes import random_scene
from tests.viewer.numpy_splatting import Camera
from tests.viewer.splat_page import open_scene, picture, psnr
from tests.viewer.torso_page import filled, new_page

from tomosplat import rasterize
from tomosplat.geometry import Cameras, look_at
from tomosplat.viewer.packing import Blob, pack_gaussians, unpack_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BLOB = pack_gaussians(random_scene(600), title="Random", chunk_size=250)
CAMERAS = Cameras(look_at([[0, 190.0, 40]], (0, 0, 0)), np.array([[[95.0, 0, 40], [0, 95, 30], [0, 0, 1]]]), 80, 60)
EXPECTED = rasterize(unpack_gaussians(BLOB).to(torch.float32), CAMERAS).rgba[0].numpy().astype(np.float64)


@pytest.fixture
def opened(page: Page, viewer_html: Path, tmp_path: Path) -> Page:
    return open_scene(page, viewer_html, tmp_path, BLOB)


def shows_the_scene(page: Page, renderer: str = "tomosplat.renderer") -> bool:
    return psnr(picture(page, Camera.of(CAMERAS), renderer), EXPECTED) > 60


def test_an_idle_page_draws_and_asks_for_nothing(opened: Page) -> None:
    opened.evaluate(
        """() => {
        window.asked = 0;
        const later = requestAnimationFrame, post = Worker.prototype.postMessage;
        window.requestAnimationFrame = (call) => (asked++, later(call));
        Worker.prototype.postMessage = function (...args) { asked++; return post.apply(this, args); };
    }"""
    )
    frames = opened.evaluate("tomosplat.renderer.stats.frames")
    opened.wait_for_timeout(700)
    assert opened.evaluate("asked") == 0
    assert opened.evaluate("tomosplat.renderer.stats.frames") == frames
    opened.evaluate("tomosplat.store.set({ background: [1, 0, 0] })")
    opened.evaluate("tomosplat.renderer.idle()")
    assert opened.evaluate("tomosplat.renderer.stats.frames") > frames


def test_what_does_not_concern_the_picture_is_not_drawn_for(opened: Page) -> None:
    frames = opened.evaluate("tomosplat.renderer.stats.frames")
    opened.evaluate("tomosplat.store.set({ crosshair: [1, 2, 3], annotations: [], tool: 'pick' })")
    opened.evaluate("tomosplat.renderer.apply({ ...tomosplat.store.state })")
    opened.evaluate("tomosplat.renderer.idle()")
    assert opened.evaluate("tomosplat.renderer.stats.frames") == frames


def test_a_slow_machine_sees_coarse_motion_and_a_sharp_rest(opened: Page) -> None:
    drawn, most_at_once = opened.evaluate(
        """async () => {
        const { renderer, store } = tomosplat, { gl, draw } = renderer, drawn = [];
        let atOnce = 0, mostAtOnce = 0;
        // A graphics card that takes 150 ms for a frame.
        const began = new Map(), status = gl.getSyncParameter.bind(gl);
        gl.getSyncParameter = (sync, name) => {
            if (!began.has(sync)) began.set(sync, performance.now());
            const told = performance.now() - began.get(sync) < 150 ? gl.UNSIGNALED : status(sync, name);
            if (told === gl.SIGNALED) atOnce--;
            return told;
        };
        renderer.draw = (resolution) => {
            drawn.push(resolution);
            mostAtOnce = Math.max(mostAtOnce, ++atOnce);
            draw.call(renderer, resolution);
        };
        let moves = 0;
        while (moves < 500 && !drawn.some((resolution) => resolution < 0.6)) {
            store.set({ orbit: { ...store.state.orbit, azimuth: 3 * moves++ } });
            await new Promise((done) => setTimeout(done, 40));
        }
        await renderer.idle();
        return [drawn, mostAtOnce];
    }"""
    )
    assert min(drawn) < 0.6
    assert drawn[-1] == 1
    assert most_at_once == 1, "frames are not piled up"
    width, css = opened.evaluate("[tomosplat.renderer.canvas.width, tomosplat.renderer.canvas.clientWidth]")
    assert width == css


def test_the_picture_survives_a_lost_context(opened: Page) -> None:
    opened.evaluate(
        """async () => {
        const { renderer } = tomosplat, told = (window.told = []);
        const extension = renderer.gl.getExtension("WEBGL_lose_context");
        // A context may be brought back once the page has heard of its loss.
        const lost = new Promise((done) => (renderer.onContextLost = () => setTimeout(done, 0, told.push("lost"))));
        extension.loseContext();
        await lost;
        tomosplat.store.set({ orbit: { ...tomosplat.store.state.orbit, azimuth: 40 } });
        const restored = new Promise((done) => (renderer.onContextRestored = () => done(told.push("restored"))));
        extension.restoreContext();
        await restored;
    }"""
    )
    assert opened.evaluate("told") == ["lost", "restored"]
    opened.evaluate("tomosplat.renderer.idle()")
    assert shows_the_scene(opened)


def test_a_page_that_may_not_start_workers_sorts_by_itself(page: Page, viewer_html: Path, tmp_path: Path) -> None:
    html = viewer_html.read_text(encoding="utf-8")
    policy = '<meta http-equiv="Content-Security-Policy" content="worker-src \'none\'">'
    strict = tmp_path / "strict.html"
    strict.write_text(html.replace("<head>", f"<head>{policy}"), encoding="utf-8")
    open_scene(page, strict, tmp_path, BLOB)
    assert page.evaluate("tomosplat.renderer.stats.sortsOnMainThread")
    assert shows_the_scene(page)


def test_a_scene_is_shown_as_far_as_it_has_arrived(opened: Page) -> None:
    counts = opened.evaluate(
        """async () => {
        const { renderer, store } = tomosplat, canvas = document.createElement("canvas");
        canvas.style = "position: fixed; width: 64px; height: 48px";
        document.body.append(canvas);
        const other = (window.other = new renderer.constructor(canvas)), counts = [];
        other.setScene(renderer.scene.header);
        other.apply(store.state);
        for (const k of [2, 0, 1]) {
            other.addChunk(k, renderer.scene.words[k]);
            await other.idle();
            counts.push(other.stats.drawn);
        }
        return counts;
    }"""
    )
    chunks = BLOB.header["chunks"]
    assert counts == [chunks[2], chunks[2] + chunks[0], 600]
    assert shows_the_scene(opened, "other")


def test_chunks_of_another_size_are_refused(opened: Page) -> None:
    with pytest.raises(Exception, match="Chunk 1 has 3 Gaussians; expected 200"):
        opened.evaluate("tomosplat.renderer.addChunk(1, new Uint32Array(48))")


def test_another_scene_takes_the_place_of_the_first(opened: Page) -> None:
    """Also where an order of the first scene is still on its way."""
    opened.evaluate(
        """async () => {
        const { renderer, store } = tomosplat, { header, words } = renderer.scene;
        store.set({ orbit: { ...store.state.orbit, azimuth: 77 } });
        renderer.setScene({ ...header, count: header.chunks[0], chunks: [header.chunks[0]] });
        renderer.addChunk(0, words[0]);
        await renderer.idle();
    }"""
    )
    assert opened.evaluate("tomosplat.renderer.stats.drawn") == BLOB.header["chunks"][0]
    assert opened.evaluate("tomosplat.renderer.gl.getError()") == 0


def test_gaussians_that_are_not_numbers_are_left_out(page: Page, viewer_html: Path, tmp_path: Path) -> None:
    damaged = Blob(BLOB.header, {name: bytes(data) for name, data in BLOB.sections.items()})
    size = BLOB.header["chunks"][0]
    planes = np.frombuffer(damaged.sections["gaussians/0"], np.uint8).reshape(64, size).copy()
    # Half floats that are NaN: the first Gaussian's covariance, the second's colour.
    for word, place in ((3, 0), (8, 1)):
        planes[4 * word : 4 * word + 4, place] = 0xFF
    sections = dict(damaged.sections) | {"gaussians/0": planes.tobytes()}
    open_scene(page, viewer_html, tmp_path, Blob(BLOB.header, sections))
    found = picture(page, Camera.of(CAMERAS))
    assert np.isfinite(found).all()
    keep = torch.ones(600, dtype=torch.bool)
    keep[:2] = False
    expected = rasterize(unpack_gaussians(BLOB).select(keep).to(torch.float32), CAMERAS).rgba[0].numpy()
    assert psnr(found, expected.astype(np.float64)) > 60
    page.evaluate("tomosplat.renderer.pick(400, 300)")


@pytest.mark.slow
def test_a_million_gaussians_are_shown(browser: Browser, viewer_html: Path, tmp_path: Path) -> None:
    scene = random_scene(1_000_000, spread=60.0)
    page = new_page(browser, viewport={"width": 320, "height": 240})
    blob = pack_gaussians(scene, title="Million")
    path = tmp_path / "million.html"
    path.write_text(filled(viewer_html.read_text(encoding="utf-8"), {"scene": blob.compressed()}), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function("window.tomosplat?.renderer?.stats.count === 1000000")
    page.evaluate("tomosplat.renderer.idle()")
    assert page.evaluate("tomosplat.renderer.stats.drawn") == 1_000_000
    assert page.evaluate("tomosplat.renderer.gl.getError()") == 0
    page.close()
