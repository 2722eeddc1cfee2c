"""A real browser for the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.patience import PATIENCE_S
from tests.viewer import torso_page
from tests.viewer.pins import as_opened, open_pins, pins
from tests.viewer.torso_page import filled, make_torso_blobs, new_page, open_torso

from tomosplat.viewer.packing import pack_gaussians

COMMITTED = Path(__file__).resolve().parents[2] / "src" / "tomosplat" / "viewer" / "static" / "viewer.html"
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--viewer-html", type=Path, help="a built viewer.html to test instead of the committed one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives chromium")


@pytest.fixture(scope="session")
def viewer_html(request: pytest.FixtureRequest) -> Path:
    """The built page, without a scene."""
    # Unknown where this file is not among the first that pytest reads, as in a run of all tests.
    chosen = request.config.getoption("--viewer-html", default=None)
    page = Path(chosen or COMMITTED)
    if not page.is_file():
        pytest.skip(f"there is no built page at {page}: run `npm run build` in web/")
    return page.resolve()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS, timeout=1000 * PATIENCE_S)
        expect.set_options(timeout=1000 * PATIENCE_S)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page; an error that nobody caught in it fails the test."""
    errors: list[str] = []
    opened = new_page(browser, viewport={"width": 1280, "height": 720})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors, f"the page threw {errors}"


@pytest.fixture(scope="session")
def pins_html(viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with three small balls in it."""
    path = tmp_path_factory.mktemp("pins") / "pins.html"
    blob = pack_gaussians(pins(), title="Pins").compressed()
    path.write_text(filled(viewer_html.read_text(encoding="utf-8"), {"scene": blob}), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def _pins_page(browser: Browser, pins_html: str) -> Iterator[tuple[Page, list[str]]]:
    errors: list[str] = []
    opened = new_page(browser, viewport={"width": 1280, "height": 720})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    open_pins(opened, pins_html)
    yield opened, errors
    opened.close()


@pytest.fixture
def pins_page(_pins_page: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page of the balls as it was when it opened, without opening it anew for every test."""
    page, errors = _pins_page
    as_opened(page)
    yield page
    thrown = errors.copy()
    errors.clear()
    assert not thrown, f"the page threw {thrown}"


@pytest.fixture(scope="session")
def torso_blobs() -> dict[str, bytes]:
    """The procedural torso, coarse: its scene and its scan as the page reads them, compressed."""
    return make_torso_blobs()


@pytest.fixture(scope="session")
def torso_html(viewer_html: Path, torso_blobs: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with the torso in it."""
    path = tmp_path_factory.mktemp("torso") / "torso.html"
    path.write_text(filled(viewer_html.read_text(encoding="utf-8"), torso_blobs), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def _torso_page(browser: Browser, torso_html: str) -> Iterator[tuple[Page, list[str]]]:
    errors: list[str] = []
    opened = new_page(browser, viewport={"width": 960, "height": 600})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield open_torso(opened, torso_html), errors
    opened.close()


@pytest.fixture
def torso(_torso_page: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page of the torso as it was when it opened, without opening it anew for every test."""
    page, errors = _torso_page
    torso_page.as_opened(page)
    yield page
    thrown = errors.copy()
    errors.clear()
    assert not thrown, f"the page threw {thrown}"
