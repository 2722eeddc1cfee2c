"""Volumes with known things at known places of the patient, and how a test gives them to the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

#: World directions of the patient's sides, RAS+.
SIDES = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
CENTRE_MM = np.array([10.0, -20.0, 30.0])
DISTANCE_MM = 40.0
#: Value of the marker at each side; the surroundings have 0.
VALUES = {side: 100 * (i + 1) for i, side in enumerate(SIDES)}

_SHOW = """async ({ values, labels, header, organs }) => {
  const bytes = async (text) => new Uint8Array(await (await fetch("data:;base64," + text)).arrayBuffer());
  const volume = { header, values: new Uint16Array((await bytes(values)).buffer), labels: await bytes(labels) };
  tomosplat.slices.show({ volume, organs });
  tomosplat.store.set({ slices: true });
  await tomosplat.slices.drawn();
}"""


@dataclass
class MarkedVolume:
    """Values and labels [I, J, K] with the affine of their indices."""

    values: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]

    def show(self, page: Page, organs: list[tuple[int, str]] | None = None) -> None:
        """Put the volume into the page's slices, through the middle of the markers."""
        header = {
            "kind": "volume",
            "version": 1,
            "shape": list(self.values.shape),
            "affine": self.affine.tolist(),
            "unit": "HU",
            "value_offset": 0,
            "value_scale": 1,
        }
        data: dict[str, Any] = {
            "values": base64.b64encode(self.values.tobytes("F")).decode(),
            "labels": base64.b64encode(self.labels.tobytes("F")).decode(),
            "header": header,
            "organs": [organ(id_, name) for id_, name in organs or []],
        }
        page.evaluate(_SHOW, data)
        set_state(page, crosshair=CENTRE_MM.tolist(), window={"level": 400, "width": 800})


def organ(id_: int, name: str) -> dict[str, Any]:
    """An entry of a scene's list of organs."""
    return {"id": id_, "name": name, "group": "Organs", "group_index": 0, "count": 1, "center_mm": [0, 0, 0]}


def set_state(page: Page, **patch: Any) -> None:
    """Change the page's state and wait until the slices show it."""
    page.evaluate("async (patch) => { tomosplat.store.set(patch); await tomosplat.slices.drawn(); }", patch)


def state(page: Page, name: str) -> Any:
    return page.evaluate("(name) => tomosplat.store.state[name]", name)


def marked_volume(directions: NDArray[np.float64], spacing: tuple[float, float, float]) -> MarkedVolume:
    """A ball of 6 mm at each side of the patient, on a grid with these index axes (columns) and spacing."""
    axes = directions * np.asarray(spacing)
    shape = np.array([np.ceil(110 / s) for s in spacing]).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = CENTRE_MM - axes @ ((shape - 1) / 2)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world = index @ axes.T + affine[:3, 3]
    values = np.zeros(shape, dtype=np.uint16)
    labels = np.zeros(shape, dtype=np.uint8)
    for number, (side, direction) in enumerate(SIDES.items(), start=1):
        ball = np.linalg.norm(world - CENTRE_MM - DISTANCE_MM * np.array(direction), axis=-1) < 6
        values[ball] = VALUES[side]
        labels[ball] = number
    return MarkedVolume(values, labels, affine)


def picture(page: Page, pane: str) -> NDArray[np.uint8]:
    """What a pane's canvas holds, RGB [H, W, 3]."""
    text, width, height = page.evaluate(
        """(pane) => {
          const { canvas } = tomosplat.slices.panes[pane];
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
          return [btoa(text), canvas.width, canvas.height];
        }""",
        pane,
    )
    rgba = np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(height, width, 4)
    return rgba[..., :3]
