from pathlib import Path

import numpy as np
import pytest

from tomosplat.errors import FileFormatError, ShapeError
from tomosplat.files.environments import read_environment


def write_hdr(path: Path, rgb: np.ndarray) -> Path:
    """Write Radiance RGBE by its definition: colour = mantissa / 256 · 2^(exponent − 128)."""
    height, width = rgb.shape[:2]
    largest = rgb.max(axis=-1, keepdims=True)
    exponents = np.where(largest > 0, np.frexp(largest)[1], -128)
    mantissas = np.floor(np.ldexp(rgb, 8 - exponents)).clip(0, 255)
    pixels = np.concatenate([mantissas, exponents + 128], axis=-1).astype(np.uint8)
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    path.write_bytes(header + pixels.tobytes())
    return path


def test_a_radiance_map_keeps_its_linear_values_and_its_places(tmp_path) -> None:
    rgb = np.random.default_rng(0).uniform(0.01, 40, (4, 8, 3))
    environment = read_environment(write_hdr(tmp_path / "sky.hdr", rgb))
    np.testing.assert_allclose(environment.radiance, rgb, atol=rgb.max() / 128)


def test_a_map_of_another_shape_is_refused(tmp_path) -> None:
    with pytest.raises(ShapeError, match="twice as wide"):
        read_environment(write_hdr(tmp_path / "square.hdr", np.ones((8, 8, 3))))


@pytest.mark.parametrize("name", ["sky.png", "damaged.hdr", "absent.exr"])
def test_what_is_no_map_is_refused_by_name(tmp_path, name: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"#?RADIANCE\nnot a picture")
    with pytest.raises(FileFormatError, match=name):
        read_environment(tmp_path / name)
