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


def test_a_sheet_has_a_column_for_each_method_and_its_error_below(tmp_path):
    truth, near = picture(tmp_path / "truth.png", 100), picture(tmp_path / "near.png", 110)
    looks = {"all/seen": (truth, {"plain": near, "march": truth}), "skeleton/seen": (near, {"march": near})}
    rows = [SheetRow(look, picture, pictures) for look, (picture, pictures) in looks.items()]
    write_sheet(tmp_path / "sheet.png", "torso-0", rows)
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (*reversed(sheet_size(2, 2)), 3)
    assert sheet.shape == (CAPTION + 4 * TILE, MARGIN + 3 * TILE, 3)

    def tiles(line):
        top = CAPTION + line * TILE
        lefts = (MARGIN + column * TILE for column in range(3))
        return [set(sheet[top : top + TILE, left : left + TILE].ravel().tolist()) for left in lefts]

    nothing = {24}  # no error of the truth; plain priming did not make the skeleton
    assert [tiles(line) for line in range(4)] == [
        [{100}, {110}, {100}],
        [nothing, {40}, {0}],
        [{110}, nothing, {110}],
        [nothing, nothing, {0}],
    ]
