"""A real browser for the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page; an error that nobody caught in it fails the test."""
    errors: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 720})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors, f"the page threw {errors}"
