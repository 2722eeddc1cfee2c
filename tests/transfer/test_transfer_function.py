import json

import numpy as np
import pytest

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer import TransferFunction, TransferFunctions


@pytest.mark.parametrize(
    ("preset", "group", "hu", "rgb", "alpha"),
    [  # typed from Table 5
        ("seen", 1, 20, (70, 50, 90), 0.05),
        ("seen", 2, 250, (190, 150, 110), 0.75),
        ("seen", 3, 80, (190, 160, 120), 0.25),
        ("seen", 4, 3072, (255, 225, 120), 0.75),
        ("seen", 5, -850, (190, 180, 180), 0.0008),
        ("seen", 6, 350, (245, 225, 215), 0.65),
        ("seen", 7, 180, (255, 215, 140), 0.6),
        ("seen", 8, 400, (200, 90, 90), 0.7),
        ("seen", 9, 600, (245, 235, 195), 0.75),
        ("seen", 10, 0, (180, 120, 120), 0.05),
        ("seen", 11, 150, (210, 180, 160), 0.35),
        ("unseen", 1, 200, (220, 100, 190), 0.6),
        ("unseen", 5, -900, (170, 190, 210), 0.001),
        ("unseen", 7, 180, (176, 196, 222), 0.8),
        ("unseen", 7, 3072, (70, 130, 180), 1.0),
        ("unseen", 8, 700, (255, 120, 120), 0.9),
        ("unseen", 11, 15, (190, 120, 60), 0.1),
    ],
)
def test_presets_hold_table_5(preset, group, hu, rgb, alpha):
    rgba = TransferFunctions.preset(preset).functions[group](hu)
    np.testing.assert_allclose(rgba, (*np.array(rgb) / 255, alpha), rtol=1e-12)


@pytest.mark.parametrize("preset", ["seen", "unseen"])
def test_presets_cover_every_group_from_air_to_metal(preset):
    functions = TransferFunctions.preset(preset).functions
    assert sorted(functions) == list(range(12))
    for function in functions.values():
        assert function.points[0].tolist() == [-1024, 0, 0, 0, 0]
        assert function.points[-1, 0] == 3072
    assert not np.any(functions[0]([-500, 0, 500])[:, 3])


def test_an_unknown_preset_is_refused():
    with pytest.raises(TransferFunctionError, match=r"'bright'.*seen, unseen, mr, us"):
        TransferFunctions.preset("bright")


def test_a_ramp_from_nothing_has_no_dark_fringe():
    function = TransferFunction([[0, 0, 0, 0, 0], [100, 0.8, 0.6, 0.4, 0.5]])
    np.testing.assert_allclose(function(25), [0.8, 0.6, 0.4, 0.125])


def test_colour_between_points_is_weighted_by_opacity():
    function = TransferFunction([[0, 1, 0, 0, 0.2], [10, 0, 1, 0, 0.6]])
    # Half way: opacity 0.4, red 0.5 · 0.2 / 0.4, green 0.5 · 0.6 / 0.4.
    np.testing.assert_allclose(function(5), [0.25, 0.75, 0, 0.4])


def test_the_function_is_constant_beyond_its_ends():
    function = TransferFunction([[0, 1, 0, 0, 0.2], [10, 0, 1, 0, 0.6]])
    np.testing.assert_allclose(function([-5, 99]), function([0, 10]))


def test_two_points_with_one_value_make_a_step():
    function = TransferFunction([[0, 1, 1, 1, 0], [5, 1, 1, 1, 0], [5, 1, 1, 1, 1], [9, 1, 1, 1, 1]])
    np.testing.assert_allclose(function([4.999, 5])[:, 3], [0, 1])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0, 0, 0]], "got shape"),
        (np.empty((0, 5)), "got shape"),
        ([[10, 0, 0, 0, 0], [0, 0, 0, 0, 0]], "sorted"),
        ([[0, 0, 0, 0, np.nan]], "NaN"),
        ([[0, 255, 0, 0, 1]], "0..1"),
        ([[0, 0, 0, 0, -0.1]], "0..1"),
    ],
)
def test_malformed_points_are_refused(points, message):
    with pytest.raises(TransferFunctionError, match=message):
        TransferFunction(points)


def test_json_gives_back_the_same_functions_bit_by_bit():
    rng = np.random.default_rng(1)
    points = np.column_stack([np.sort(rng.normal(0, 500, 6)), rng.random((6, 4))])
    original = TransferFunctions({7: TransferFunction(points)}, "mine", "arbitrary", ("a note",))
    back = TransferFunctions.from_json(original.to_json())
    assert np.array_equal(back.functions[7].points, original.functions[7].points)
    assert (back.name, back.unit, back.notes) == ("mine", "arbitrary", ("a note",))


def test_a_function_that_groups_share_is_written_once():
    shared, own = (TransferFunction([[0, 1, 0.5, 0.25, alpha]]) for alpha in (0.5, 0.75))
    functions = {n: own if n == 4 else shared for n in (1, 2, 3, 4, 7)}
    text = TransferFunctions(functions, "shared").to_json()
    assert list(json.loads(text)["groups"]) == ["1-3,7", "4"]
    back = TransferFunctions.from_json(text)
    assert {n: function.points[0, 4] for n, function in back.functions.items()} == {
        n: function.points[0, 4] for n, function in functions.items()
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "format"),
        ({"version": 2}, "version 2"),
        ({"unit": "mm"}, "unit HU, relative or arbitrary"),
        ({"rgb_max": 100}, "rgb_max"),
        ({"groups": {}}, "groups"),
        ({"groups": {"bone": []}}, "indices"),
        ({"groups": {"300": [[0, 0, 0, 0, 0]]}}, "300"),
        ({"groups": {"3-": [[0, 0, 0, 0, 0]]}}, "3-"),
        ({"groups": {"5-3": [[0, 0, 0, 0, 0]]}}, "5-3"),
        ({"groups": {"1-3": [[0, 0, 0, 0, 0]], "2": [[0, 0, 0, 0, 0]]}}, "group 2 has more than one"),
        ({"groups": {"7": [[0, 1, 2]]}}, "group 7: expected rows of five"),
        ({"groups": {"7": [[0, 0, 0, 0, "x"]]}}, "group 7"),
        ({"groups": {"7": [[0, 0, 0, 0, 2]]}}, "group 7: .*0..1"),
    ],
)
def test_malformed_data_is_refused(change, message):
    data = TransferFunctions.preset("seen").to_dict() | change
    with pytest.raises(TransferFunctionError, match=message):
        TransferFunctions.from_dict(data)


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(TransferFunctionError, match="JSON"):
        TransferFunctions.from_json(text)


def test_hand_written_json_may_use_colours_to_255():
    data = {"format": "tomosplat-transfer-functions", "version": 1, "groups": {"2": [[0, 255, 51, 0, 0.5]]}}
    functions = TransferFunctions.from_json(json.dumps(data))
    np.testing.assert_array_equal(functions.functions[2](0), [1, 0.2, 0, 0.5])
