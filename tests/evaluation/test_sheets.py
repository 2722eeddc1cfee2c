import numpy as np
from PIL import Image

from tomosplat.evaluation.sheets import (
    CAPTION,
    ERROR_SCALE,
    MARGIN,
    TILE,
    SheetRow,
    error_picture,
    sheet_size,
    write_sheet,
)
from tomosplat.files.images import write_png


def picture(path, grey):
    write_png(path, np.full((16, 16, 3), grey, np.uint8))
    return path


def test_errors_are_scaled_and_end_at_white():
    truth = np.array([[[10, 100, 200]]], np.uint8)
    np.testing.assert_array_equal(error_picture(np.array([[[13, 90, 0]]], np.uint8), truth), [[[12, 40, 255]]])
    assert ERROR_SCALE == 4


def test_a_sheet_has_a_row_for_each_look_and_two_columns_for_each_method(tmp_path):
    truth, near = picture(tmp_path / "truth.png", 100), picture(tmp_path / "near.png", 110)
    rows = [
        SheetRow("all/seen", truth, {"plain": near, "march": truth}),
        SheetRow("skeleton/seen", near, {"march": near}),
    ]
    write_sheet(tmp_path / "sheet.png", "torso-0", rows)
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (*reversed(sheet_size(2, 2)), 3)
    assert sheet.shape == (CAPTION + 2 * TILE, MARGIN + 5 * TILE, 3)

    def tile(row, column):
        top, left = CAPTION + row * TILE, MARGIN + column * TILE
        return set(sheet[top : top + TILE, left : left + TILE].ravel().tolist())

    assert [tile(0, column) for column in range(5)] == [{100}, {110}, {40}, {100}, {0}]
    assert [tile(1, column) for column in (0, 3, 4)] == [{110}, {110}, {0}]
    assert tile(1, 1) == tile(1, 2) == {24}, "plain priming did not make this one"
