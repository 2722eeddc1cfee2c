import numpy as np
import pytest
from PIL import Image

from tomosplat.errors import ShapeError
from tomosplat.files.images import to_bytes, write_png


def picture(color: float, alpha: float) -> np.ndarray:
    rgba = np.zeros((2, 3, 4), np.float32)
    rgba[..., :3], rgba[..., 3] = color * alpha, alpha
    return rgba


def test_a_background_shows_through_by_what_alpha_leaves() -> None:
    pixels = to_bytes(picture(color=1.0, alpha=0.25), background=(0.0, 1.0, 0.0))
    assert pixels[0, 0].tolist() == [64, 255, 64]


def test_transparent_png_holds_straight_alpha() -> None:
    pixels = to_bytes(picture(color=0.5, alpha=0.5), background=None)
    assert pixels[0, 0].tolist() == [128, 128, 128, 128]


def test_transparent_pixels_without_alpha_are_clean_zeros() -> None:
    assert not to_bytes(picture(color=0.0, alpha=0.0), background=None).any()


def test_png_has_rows_from_top_and_the_right_size(tmp_path) -> None:
    rgba = picture(color=1.0, alpha=1.0)
    rgba[1:] = 0
    write_png(tmp_path / "a.png", to_bytes(rgba, background=(0, 0, 0)))
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    assert pixels.shape == (2, 3, 3)
    assert pixels[0].min() == 255
    assert pixels[1].max() == 0


def test_a_picture_without_alpha_is_refused() -> None:
    with pytest.raises(ShapeError, match="RGBA"):
        to_bytes(np.zeros((2, 2, 3), np.float32), None)
