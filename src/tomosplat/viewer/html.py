"""The page with a scene in it: one file that needs nothing else."""

from __future__ import annotations

import base64
import json
import os

from tomosplat.files.atomic import writing
from tomosplat.gaussians import GaussianScene
from tomosplat.viewer.packing import Blob, pack_gaussians
from tomosplat.viewer.serving.page import MARK, content_policy, load_page

#: Browsers look for it in the first kilobyte only, so it stays first.
_CHARSET = '<meta charset="utf-8">'


def write_html(
    path: str | os.PathLike[str], scene: GaussianScene, *, title: str = "Scene", volume: Blob | None = None
) -> None:
    """Write a page that shows a scene in any browser: opened from disk, it asks no network for anything.

    Nothing about a patient or a machine gets into it but what ``title`` says, and what can be seen.

    Args:
        path: The file.
        scene: What to show.
        title: What the page calls it.
        volume: What ``pack_volume`` gave, for slices and cut faces.

    Raises:
        EmptySceneError: The scene has no Gaussian.
        UnitsError: The scene has values that the page's format does not hold (see ``pack_gaussians``).
        OutputError: The file could not be written; what was there before stays.
    """
    page = scene_page(scene, title, volume)
    with writing(path) as temporary:
        temporary.write_bytes(page)


def scene_page(scene: GaussianScene, title: str, volume: Blob | None = None) -> bytes:
    """The page of ``write_html``."""
    html = load_page().html
    # The browser itself keeps the page's promise to ask no network.
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content_policy(html, served=False)}">'
    before, _, after = html.replace(_CHARSET, f"{_CHARSET}\n{policy}", 1).partition(MARK)
    settings = json.dumps({"mode": "embedded"})
    parts = [before, f'<script type="application/json" id="tomosplat-config">{settings}</script>\n']
    parts.append(_element("tomosplat-scene", pack_gaussians(scene, title=title)))
    if volume is not None:
        parts.append(_element("tomosplat-volume", volume))
    return "".join([*parts, after]).encode()


def _element(name: str, blob: Blob) -> str:
    data = base64.b64encode(blob.compressed()).decode("ascii")
    return f'<script type="application/octet-stream" id="{name}">{data}</script>\n'
