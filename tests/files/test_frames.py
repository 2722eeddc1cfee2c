"""Numbered frames: what is read, and what is refused by name."""

import numpy as np
import pytest
from PIL import Image

from tomosplat.errors import (
    ConstantSlicesError,
    FileFormatError,
    InputError,
    LabelError,
    ShapeError,
    SliceSpacingError,
)
from tomosplat.files.frames import check_same_frames, is_frame_folder, read_frames, read_mask_frames


def write(folder, pictures, numbers=None):
    (folder / "original").mkdir(parents=True, exist_ok=True)
    for number, picture in zip(numbers or range(len(pictures)), pictures, strict=True):
        Image.fromarray(np.asarray(picture, np.uint8)).save(folder / "original" / f"{number:04d}.png")
    return folder


def grey(n=3, height=5, width=7):
    return np.random.default_rng(0).integers(0, 255, (n, height, width)).astype(np.uint8)


def test_frames_are_read_in_the_order_of_their_numbers(tmp_path):
    pictures = grey(12)
    frames = read_frames(write(tmp_path, pictures))
    np.testing.assert_allclose(frames.values[..., 0], pictures / np.float32(255))
    assert frames.alpha is None
    assert is_frame_folder(tmp_path)
    assert not is_frame_folder(tmp_path / "original")


def test_colours_and_transparency_are_kept(tmp_path):
    picture = np.zeros((4, 6, 4), np.uint8)
    picture[..., 0], picture[1, 2], picture[..., 3] = 200, (10, 20, 30, 0), 128
    frames = read_frames(write(tmp_path, [picture, picture]))
    assert frames.values.shape == (2, 4, 6, 3)
    np.testing.assert_allclose(frames.alpha, 128 / 255, rtol=1e-6)


def test_the_mirror_is_said_to_be_left_alone(tmp_path):
    write(tmp_path, grey())
    (tmp_path / "mirror").mkdir()
    assert any("mirror" in line for line in read_frames(tmp_path).history)


def test_masks_are_black_and_white(tmp_path):
    pictures = 255 * (grey() > 100)
    masks = read_mask_frames(write(tmp_path, pictures))
    assert set(np.unique(masks.values)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda f: write(f, grey(3), [0, 1, 3]), SliceSpacingError, "1 missing"),
        (lambda f: write(f, grey(1)), SliceSpacingError, "one frame"),
        (lambda f: write(f, [grey()[0], grey(1, 6, 7)[0]]), ShapeError, "0001.png"),
        (lambda f: write(f, np.full((3, 5, 7), 9)), ConstantSlicesError, "one value"),
        (lambda f: write(f, []), InputError, "no PNG"),
        (lambda f: f, InputError, "original"),
    ],
    ids=["gap", "one", "sizes", "constant", "none", "no folder"],
)
def test_frames_that_cannot_be_used_are_refused(tmp_path, make, error, says):
    make(tmp_path)
    with pytest.raises(error, match=says):
        read_frames(tmp_path)


def test_a_damaged_frame_is_refused(tmp_path):
    write(tmp_path, grey())
    (tmp_path / "original" / "0001.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(FileFormatError, match=r"0001\.png"):
        read_frames(tmp_path)


def test_masks_with_grey_edges_and_empty_ones_are_refused(tmp_path):
    soft = 255 * (grey() > 100)
    soft[1, 2, 3] = 90
    with pytest.raises(LabelError, match="has 1 grey"):
        read_mask_frames(write(tmp_path / "soft", soft))
    with pytest.raises(LabelError, match="empty"):
        read_mask_frames(write(tmp_path / "empty", np.zeros((3, 5, 7))))


def test_masks_of_other_frames_are_refused(tmp_path):
    images = read_frames(write(tmp_path / "images", grey(4)))
    for name, masks in {"fewer": grey(3), "larger": grey(4, 6, 7)}.items():
        other = read_mask_frames(write(tmp_path / name, 255 * (masks > 100)))
        with pytest.raises(ShapeError, match="4 images"):
            check_same_frames(images, other)
