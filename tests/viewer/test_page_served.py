"""A scene that a server computes: stages, a first scene, better ones, edits sent back; the test plays the server."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.viewer.torso_page import MARK, drawn, open_panel, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ORIGIN = "http://tomosplat.test"
STAGES = ["read scan", "labels", "prime"]


@dataclass
class Server:
    """Answers the page's requests from what a test sets."""

    blobs: dict[str, bytes]
    page_html: str
    status: dict[str, Any] = field(default_factory=dict)
    posted: list[Any] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    waiting: list[Route] = field(default_factory=list)
    down: bool = False

    def tell(self, **changes: Any) -> None:
        """Change the status, and answer who waits for that."""
        before: dict[str, Any] = {
            "revision": 0,
            "state": "working",
            "gaussians": None,
            "kind": "primed",
            "volume": False,
        }
        self.status = before | {"stages": [], "message": None} | self.status | changes
        self.status["revision"] += 1
        while self.waiting:
            self.waiting.pop().fulfill(json=self.status)

    def answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).split("?")[0]
        if path == "/":
            return route.fulfill(body=self.page_html, content_type="text/html")
        if self.down:
            return route.abort()
        self.tokens.add(route.request.headers.get("x-tomosplat-token"))
        if path == "/api/scenes":
            return route.fulfill(json=[{"id": i, "title": t, "state": "ready"} for i, t in enumerate(self.others)])
        what = path.removeprefix("/api/scenes/0/")
        if what == "status" and f"after={self.status['revision']}" in route.request.url:
            self.waiting.append(route)
            return None
        if what == "status":
            return route.fulfill(json=self.status)
        if what == "transfer":
            self.posted.append(route.request.post_data_json)
            return route.fulfill(status=202, json={"revision": self.status["revision"]})
        return route.fulfill(body=gzip.decompress(self.blobs["scene" if what == "gaussians" else what]))


@pytest.fixture
def server(page: Page, viewer_html: Path, torso_blobs: dict[str, bytes]) -> Server:
    config = '{"mode": "served", "scene": "0", "token": "secret"}'
    script = f'<script type="application/json" id="tomosplat-config">{config}</script>'
    made = Server(torso_blobs, viewer_html.read_text(encoding="utf-8").replace(MARK, script))
    page.route(f"{ORIGIN}/**", made.answer)
    return made


def stage(name: str, over: bool, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": "done" if over else "running", "seconds": 1.5, "done": None, "total": None} | more


@pytest.fixture
def started(page: Page, server: Server) -> Page:
    """A page whose server has a scene and its scan ready."""
    server.tell(state="ready", gaussians=1, volume=True)
    page.goto(f"{ORIGIN}/")
    page.wait_for_function("tomosplat.scenes?.state.volume")
    page.evaluate("tomosplat.renderer.idle()")
    return page


def test_stages_are_told_until_there_is_a_picture(page: Page, server: Server) -> None:
    server.tell(stages=[stage("read scan", True), stage("labels", False, done=3, total=8)])
    page.goto(f"{ORIGIN}/")
    lines = page.locator(".stages li")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("Reading the scan")
    expect(lines.last).to_contain_text("3 of 8")
    server.tell(stages=[stage(name, True) for name in STAGES], state="ready", gaussians=4)
    page.wait_for_function("tomosplat.hasPicture")
    expect(page.locator(".progress")).to_be_hidden()
    assert drawn(page) > 0
    assert server.tokens == {"secret"}


def test_a_better_scene_takes_the_place_of_the_first_and_leaves_what_a_person_chose(
    started: Page, server: Server
) -> None:
    started.locator(".node").filter(has_text="Liver").locator("input").click()
    started.keyboard.press("3")
    orbit, visible = state(started, "orbit"), state(started, "visible")
    started.evaluate("window.before = tomosplat.scenes.state.header")
    server.tell(state="ready", gaussians=server.status["revision"] + 1)
    started.wait_for_function(
        """() => tomosplat.scenes.state.header !== window.before
            && tomosplat.renderer.stats.count === tomosplat.scenes.state.header.count"""
    )
    assert drawn(started) > 0
    assert (state(started, "orbit"), state(started, "visible")) == (orbit, visible)


def test_edits_are_sent_once_the_person_pauses(started: Page, server: Server) -> None:
    open_panel(started, "Colour and opacity")
    handle = started.locator(".plot .handle:not([hidden])").nth(1)
    with started.expect_response("**/transfer"):
        handle.focus()
        # Keys in one task: however slow the machine, there is no pause between them.
        handle.evaluate(
            """(handle) => { for (let i = 0; i < 5; i++)
              handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true })); }"""
        )
    assert server.posted == [state(started, "transfer")]


def test_functions_as_the_scene_was_made_are_not_sent(started: Page, server: Server) -> None:
    started.evaluate("tomosplat.store.set({ transfer: { ...tomosplat.store.state.transfer } })")
    started.wait_for_timeout(800)
    assert server.posted == []


def test_a_scene_file_cannot_be_computed_anew_so_nothing_is_sent(started: Page, server: Server) -> None:
    with started.expect_request(f"**/status?after={server.status['revision'] + 1}"):  # then it has taken that in
        server.tell(kind="file")
    open_panel(started, "Colour and opacity")
    started.get_by_label("Preset", exact=True).select_option("unseen")
    started.wait_for_timeout(800)
    assert server.posted == []


def test_a_failure_is_told(page: Page, server: Server) -> None:
    server.tell(state="failed", message="the scan has no foreground")
    page.goto(f"{ORIGIN}/")
    expect(page.get_by_role("alert")).to_contain_text("the scan has no foreground")


def test_a_lost_server_is_told_once_and_found_again(started: Page, server: Server) -> None:
    server.down = True
    while server.waiting:
        server.waiting.pop().abort()
    alert = started.get_by_role("alert")
    expect(alert).to_contain_text("connection to tomosplat is lost")
    started.wait_for_timeout(2500)
    assert alert.count() == 1
    server.down = False
    server.tell()
    expect(started.get_by_text("Connected again.")).to_be_visible()


def test_of_several_scenes_one_is_chosen(page: Page, server: Server) -> None:
    server.others = ["CT, 1.5 mm", "CT, 3 mm"]
    server.tell(state="ready", gaussians=1)
    page.goto(f"{ORIGIN}/")
    with page.expect_navigation(url=f"{ORIGIN}/?scene=1"):
        page.get_by_label("Scene", exact=True).select_option("1")
