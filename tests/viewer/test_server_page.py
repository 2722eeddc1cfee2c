"""The real page on the real server: a scan appears, edits come back, and the policy lets the page do what it does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.patience import PATIENCE_S
from tests.viewer.serving import HeldSource, going_source
from tests.viewer.torso_page import SPACING_MM, at_rest, drawn

from tomosplat.errors import EmptySceneError
from tomosplat.pipeline.options import PrimingOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.serving import PreparedSource, serve
from tomosplat.viewer.serving.page import PageTemplate, content_policy
from tomosplat.volume.torso import torso

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


#: The Gaussians come after the header.
ALL_IS_HERE = "tomosplat.renderer.stats.count === tomosplat.scenes.state.header.count"


@pytest.fixture(scope="module")
def source() -> PreparedSource:
    prepared = PreparedScan(*torso(spacing_mm=SPACING_MM))
    functions = TransferFunctions.preset("seen")
    return PreparedSource(prepared, prime_prepared(prepared, functions, None, PrimingOptions(), Report()))


@pytest.fixture
def complaints(page: Page, viewer_html: Path, monkeypatch) -> Iterator[list[str]]:
    """Whatever the page's console has to complain of, such as what the policy forbids; nothing, at the end."""
    html = viewer_html.read_text(encoding="utf-8")
    monkeypatch.setattr("tomosplat.viewer.serving.server.load_page", lambda: PageTemplate(html, content_policy(html)))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


def until(page: Page, holds: str) -> None:
    """Wait for JavaScript to be true; Playwright's own waiting would need a policy that lets strings be run."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(holds):
        assert time.monotonic() < deadline, holds
        page.wait_for_timeout(50)


def until_all_is_there(page: Page) -> None:
    until(page, "Boolean(window.tomosplat?.scenes?.state.volume)")
    at_rest(page)


def test_a_scene_is_shown_under_the_policy_and_again_after_a_reload(page, complaints, source) -> None:
    with serve(source) as server:
        page.goto(server.url)
        until_all_is_there(page)
        assert drawn(page) == len(source.at_hand)
        assert page.url == f"http://127.0.0.1:{server.port}/"
        page.reload()
        until_all_is_there(page)
        assert drawn(page) == len(source.at_hand)


def test_an_edit_is_primed_behind_and_shown(page, complaints, source) -> None:
    with serve(source) as server:
        page.goto(server.url)
        until_all_is_there(page)
        before = drawn(page)
        # A person's edit ends in the store: only bone stays visible.
        page.evaluate(
            """() => {
                const { store } = window.tomosplat;
                const transfer = structuredClone(store.state.transfer);
                for (const group of Object.keys(transfer.groups))
                    transfer.groups[group] = [[150, 1, 1, 1, 0], [400, 1, 1, 1, 0.9]];
                store.set({ transfer });
            }"""
        )
        until(page, f"tomosplat.scenes.state.header.count !== {before} && {ALL_IS_HERE}")
        assert 0 < drawn(page) < before


def test_stages_are_shown_while_the_scene_is_on_its_way(page, complaints) -> None:
    held = HeldSource()
    with serve(held) as server:
        page.goto(server.url)
        expect(page.get_by_role("status").filter(has_text="Placing Gaussians")).to_be_visible()
        held.let_go()
        until(page, "Boolean(window.tomosplat?.hasPicture)")


def test_why_a_scan_failed_is_shown(page, complaints) -> None:
    class Empty(HeldSource):
        def scan(self, report: Report):
            raise EmptySceneError("nothing is visible in the scan")

    with serve(Empty(), going_source()) as server:
        page.goto(server.url)
        expect(page.get_by_text("Nothing is visible in the scan")).to_be_visible()
