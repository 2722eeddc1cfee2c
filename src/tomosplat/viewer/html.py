"""The page with a scene in it: one file that needs nothing else."""

from __future__ import annotations

import base64
import json

from tomosplat.viewer.packing import Blob
from tomosplat.viewer.serving.page import MARK, load_page


def page_with_scene(gaussians: Blob, volume: Blob | None = None) -> bytes:
    """The page as a file that opens from disk and asks no network for anything.

    Args:
        gaussians: What ``pack_gaussians`` gave.
        volume: What ``pack_volume`` gave, for slices and cut faces.
    """
    before, _, after = load_page().html.partition(MARK)
    settings = json.dumps({"mode": "embedded"})
    parts = [before, f'<script type="application/json" id="tomosplat-config">{settings}</script>\n']
    parts.append(_element("tomosplat-scene", gaussians))
    if volume is not None:
        parts.append(_element("tomosplat-volume", volume))
    return "".join([*parts, after]).encode()


def _element(name: str, blob: Blob) -> str:
    data = base64.b64encode(blob.compressed()).decode("ascii")
    return f'<script type="application/octet-stream" id="{name}">{data}</script>\n'
