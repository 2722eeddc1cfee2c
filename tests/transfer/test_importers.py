import json

import numpy as np
import pytest

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer.importers import from_paraview_json, from_slicer_vp

VP = """1
1
0.9
0.1
0.2
10
8 -1000 0 100 0 300 0.5 3071 0.8
4 0 1 255 1
12 -1000 0 0 0 100 0.5 0.2 0.1 300 1 0.8 0.6
"""

COOL_WARM = {
    "ColorSpace": "RGB",
    "Name": "mine",
    "NanColor": [1, 1, 0],
    "RGBPoints": [0, 0.23, 0.3, 0.75, 100, 0.7, 0.02, 0.15],
    "Points": [0, 0.1, 0.3, 0, 50, 0.9, 0.7, 0.4, 100, 0.2, 0.5, 0],
}


def paraview(**changes):
    return json.dumps([COOL_WARM | changes])


def only_function(functions):
    assert sorted(functions.functions) == list(range(1, 12))
    assert len({id(f) for f in functions.functions.values()}) == 1
    return functions.functions[7]


def test_a_slicer_volume_property_is_read_for_all_organs():
    functions = from_slicer_vp(VP, name="bone", unit_distance_mm=1.5)
    function = only_function(functions)
    np.testing.assert_allclose(function(300), [1, 0.8, 0.6, 0.5])
    # Colour and opacity are interpolated on their own, as Slicer does.
    np.testing.assert_allclose(function(200), [0.75, 0.5, 0.35, 0.25], atol=1e-9)
    np.testing.assert_allclose(function([-2000, 5000])[:, 3], [0, 0.8])
    assert functions.name == "bone"


def test_slicer_opacity_is_converted_from_its_unit_distance():
    function = only_function(from_slicer_vp(VP))
    # α 0.5 over 1 mm leaves 0.5^1.5 of the light after 1.5 mm.
    assert function(300)[3] == pytest.approx(1 - 0.5**1.5)


def test_what_slicer_has_and_we_have_not_is_noted():
    notes = " ".join(from_slicer_vp(VP.replace("4 0 1 255 1", "4 0 0 255 1")).notes)
    assert "1 mm" in notes
    assert "shading left out" in notes
    assert "gradient opacity left out" in notes
    assert "gradient" not in " ".join(from_slicer_vp(VP).notes)


def test_two_points_at_one_value_are_a_step():
    step = VP.replace("8 -1000 0 100 0 300 0.5 3071 0.8", "8 -1000 0 100 0 100 0.6 3071 0.6")
    np.testing.assert_allclose(only_function(from_slicer_vp(step, unit_distance_mm=1.5))([99, 101])[:, 3], [0, 0.6])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1\n1\n0.9", "1\n0.9", "has 9 lines, found 8"),
        ("0.9", "0.9 4", "one number each"),
        ("8 -1000", "10 -1000", "announces 10 numbers, 8 follow"),
        ("300 0.5", "300 x", "scalar opacity: expected numbers"),
        ("100 0 300 0.5", "300 0 100 0.5", "sorted"),
        ("12 -1000 0 0 0 100", "11 -1000 0 0 100", "groups of 4"),
        ("3071 0.8", "3071 1.8", "0..1"),
        ("300 0.5", "300 nan", "finite"),
    ],
)
def test_a_damaged_volume_property_is_refused(old, new, message):
    with pytest.raises(TransferFunctionError, match=message):
        from_slicer_vp(VP.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "<MRML/>", '{"a": 1}'])
def test_other_files_are_no_volume_property(text):
    with pytest.raises(TransferFunctionError, match="volume property"):
        from_slicer_vp(text)


def test_an_impossible_unit_distance_is_refused():
    with pytest.raises(TransferFunctionError, match="over 0 mm"):
        from_slicer_vp(VP, unit_distance_mm=0)


@pytest.mark.parametrize(
    ("space", "points", "at", "rgb"),
    [  # measured with VTK 9.7.2
        ("RGB", COOL_WARM["RGBPoints"], 25, (0.3475, 0.23, 0.6)),
        ("HSV", COOL_WARM["RGBPoints"], 25, (0.3725, 0.1749, 0.7375)),
        ("HSV", COOL_WARM["RGBPoints"], 80, (0.71, 0.0598, 0.4368)),
        ("Lab", COOL_WARM["RGBPoints"], 50, (0.5765, 0.2043, 0.4419)),
        ("Diverging", COOL_WARM["RGBPoints"], 50, (0.8654, 0.8654, 0.8654)),
        ("Diverging", COOL_WARM["RGBPoints"], 25, (0.5447, 0.6886, 0.9918)),
        ("Diverging", [0, 0.9, 0.9, 0.9, 100, 0.1, 0.6, 0.3], 30, (0.6689, 0.8823, 0.8114)),
        ("Diverging", [0, 0, 0, 1, 100, 0, 1, 0], 30, (0.991, 0.6864, 1.0)),
    ],
)
def test_paraview_colours_agree_with_vtk(space, points, at, rgb):
    function = only_function(from_paraview_json(paraview(ColorSpace=space, RGBPoints=points)))
    np.testing.assert_allclose(function(at)[:3], rgb, atol=2e-3)


def test_paraview_opacities_follow_midpoint_and_sharpness_as_vtk_does():
    function = only_function(from_paraview_json(paraview()))
    measured = {5: 0.233333, 15: 0.5, 40: 0.785714, 60: 0.899599, 85: 0.55, 95: 0.200868}  # with VTK 9.7.2
    np.testing.assert_allclose(function(list(measured))[:, 3], list(measured.values()), atol=2e-3)


def test_paraview_names_and_notes_are_kept():
    functions = from_paraview_json(paraview())
    assert functions.name == "mine"
    assert from_paraview_json(paraview(), name="other").name == "other"
    assert any("NanColor" in note for note in functions.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (paraview(ColorSpace="LabCIEDE2000"), "LabCIEDE2000.*expected one of RGB"),
        (paraview(RGBPoints=[0, 1, 1]), "groups of 4"),
        (paraview(RGBPoints="red"), "list of numbers"),
        (paraview(Points=[0, 1, 0.5, 2]), "Points: expected 0..1"),
        (paraview(RGBPoints=[0, 255, 0, 0]), "RGBPoints: expected 0..1"),
        (json.dumps([{k: v for k, v in COOL_WARM.items() if k != "Points"}]), "no Points; export .* opacities"),
        (json.dumps([{"Name": "c", "IndexedColors": [1, 0, 0]}]), "categories"),
        (json.dumps([COOL_WARM, COOL_WARM]), "2 colour maps"),
        ("[]", "expected a ParaView colour map"),
        ("[1]", "expected a ParaView colour map"),
        ("[", "not JSON"),
    ],
)
def test_other_json_is_no_paraview_map(text, message):
    with pytest.raises(TransferFunctionError, match=message):
        from_paraview_json(text)
