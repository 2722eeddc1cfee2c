"""The page as it is served: its settings put in, and a policy that lets it run its own scripts and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files

#: Where the page's data go.
MARK = "<!--tomosplat-data-->"


@dataclass(frozen=True)
class PageTemplate:
    """The built page.

    Attributes:
        html: The page, with a mark where its settings go.
        policy: Its Content-Security-Policy.
    """

    html: str
    policy: str

    def filled(self, scene: str, token: str) -> bytes:
        """The page of a served scene."""
        settings = json.dumps({"mode": "served", "scene": scene, "token": token})
        # A closing tag inside would end the element.
        escaped = settings.replace("<", "\\u003c")
        element = f'<script type="application/json" id="tomosplat-config">{escaped}</script>'
        return self.html.replace(MARK, element, 1).encode()


@cache
def load_page() -> PageTemplate:
    """Read the page from the package."""
    html = files("tomosplat.viewer").joinpath("static/viewer.html").read_text(encoding="utf-8")
    return PageTemplate(html, content_policy(html))


def content_policy(html: str, *, served: bool = True) -> str:
    """A Content-Security-Policy by which a page may run its own inline scripts, its workers, and ask its server.

    One that is not served has no server to ask, and may be framed, as in a notebook.
    """
    inline = _InlineCode()
    inline.feed(html)
    inline.close()
    rules = {
        "default-src": ["'none'"],
        "script-src": list(map(_source_hash, inline.scripts)) or ["'none'"],
        "style-src": list(map(_source_hash, inline.styles)) or ["'none'"],
        "img-src": ["data:", "blob:"],
        "worker-src": ["blob:"],
        "connect-src": ["'self'" if served else "'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    if served:
        rules["frame-ancestors"] = ["'none'"]
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


def _source_hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


class _InlineCode(HTMLParser):
    """Collects the text of inline scripts that are run, and of styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        runs = dict(attrs).get("type") in (None, "", "module", "text/javascript")
        self._into = self.styles if tag == "style" else self.scripts if tag == "script" and runs else None
        if self._into is not None:
            self._into.append("")

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._into = None
