"""Pictures of a CT recoloured by script, as somebody might paint them: input for ``tomosplat dvr fit``.

    tomosplat cameras CT -o cameras.json --n 8 --size 256
    tomosplat raymarch CT -o pictures --flat --cameras cameras.json --background transparent
    python benchmarks/dvr_recolor.py pictures painted
    tomosplat dvr fit CT --images painted --cameras cameras.json -o painted.json

What is pale (bone) turns blue, what is red (muscle) green.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def recolored(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Straight colours [H, W, 3] in 0..1 in their new hues, as bright as before."""
    brightness = rgb.max(axis=-1, keepdims=True)
    saturation = 1 - rgb.min(axis=-1, keepdims=True) / np.maximum(brightness, 1e-6)
    pale = np.clip((0.55 - saturation) / 0.35, 0, 1)
    blue, green = np.array([0.15, 0.45, 1.0]), np.array([0.25, 0.85, 0.35])
    return brightness * (pale * blue + (1 - pale) * green)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    options.target.mkdir(exist_ok=True)
    for path in sorted(options.source.glob("*.png")):
        rgba = np.asarray(Image.open(path).convert("RGBA")) / 255
        painted = np.concatenate([recolored(rgba[..., :3]), rgba[..., 3:]], axis=-1)
        Image.fromarray((painted * 255 + 0.5).astype(np.uint8)).save(options.target / path.name)


if __name__ == "__main__":
    main()
