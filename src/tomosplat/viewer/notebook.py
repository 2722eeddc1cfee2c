"""A scene that shows itself in a notebook."""

from __future__ import annotations

import html
import math

from tomosplat.errors import TomosplatError
from tomosplat.gaussians import GaussianScene
from tomosplat.viewer.html import scene_page
from tomosplat.viewer.thinning import thinned

#: Jupyter drops output that comes at more than 1 MB/s over 3 s.
_MAX_CHARACTERS = 2_900_000
#: Of a Gaussian of a primed scene, packed.
_CHARACTERS = 40
_HEIGHT_PX = 640


def scene_html(scene: GaussianScene) -> str:
    """The viewer with the scene in it, in a frame that may run its own scripts and nothing else.

    What a notebook would not take is thinned, and the output says so; what cannot be shown at all becomes a message.
    """
    every = max(1, math.ceil(len(scene) * _CHARACTERS / _MAX_CHARACTERS))
    try:
        while len(frame := _frame(shown := thinned(scene, every))) > _MAX_CHARACTERS:
            every = math.ceil(every * len(frame) / _MAX_CHARACTERS)
    except TomosplatError as error:
        return f"<p>This scene cannot be shown: {html.escape(str(error))}</p>"
    if every == 1:
        return frame
    return (
        f"{frame}<p>{len(shown):,} of {len(scene):,} Gaussians, grown to stand for the others: notebooks refuse larger "
        "output. <code>tomosplat.write_html(path, scene)</code> writes all of them.</p>"
    )


def _frame(scene: GaussianScene) -> str:
    page = scene_page(scene, "Scene").decode().replace("&", "&amp;").replace('"', "&quot;")
    return (
        f'<iframe title="Scene of {len(scene):,} Gaussians" sandbox="allow-scripts" srcdoc="{page}" '
        f'style="width: 100%; height: {_HEIGHT_PX}px; border: 0"></iframe>'
    )
