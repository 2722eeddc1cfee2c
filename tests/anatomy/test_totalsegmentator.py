import sys
from types import ModuleType, SimpleNamespace

import nibabel
import numpy as np
import pytest

from tomosplat.anatomy import TotalSegmentatorSegmenter
from tomosplat.errors import DependencyError, LabelError, UnitsError
from tomosplat.geometry import Grid
from tomosplat.volume import Volume

AFFINE = np.array([[0, -2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3.0, 30], [0, 0, 0, 1]])


@pytest.fixture
def scan():
    values = np.linspace(-1000, 1000, 2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    return Volume(values, Grid((2, 3, 4), AFFINE), "HU", "CT")


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Stands in for the package: what it is called with is kept, what it returns can be set."""
    state = SimpleNamespace(calls=[], settings={}, weights=tmp_path / "weights", answer=None)

    def totalsegmentator(input, output=None, **options):  # noqa: A002 - its own name
        print("it prints")  # noqa: T201
        state.calls.append((input, output, options))
        labels = np.zeros(input.shape, dtype=np.uint8)
        labels[1, 2, 3] = 52
        return state.answer or nibabel.Nifti1Image(labels, input.affine)

    config = ModuleType("totalsegmentator.config")
    config.get_weights_dir = lambda: state.weights
    config.setup_totalseg = lambda: state.settings.setdefault("send_usage_stats", True)
    config.set_config_key = state.settings.__setitem__
    api = ModuleType("totalsegmentator.python_api")
    api.totalsegmentator = totalsegmentator
    package = ModuleType("totalsegmentator")
    package.config, package.python_api = config, api
    for module in (package, config, api):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return state


def put_weights(fake, *datasets):
    for number in datasets:
        (fake.weights / f"Dataset{number}_TotalSegmentator_some_part" / "trainer").mkdir(parents=True)


def test_the_scan_goes_in_with_its_geometry_and_labels_come_back_on_it(fake, scan, capsys):
    put_weights(fake, 291, 292, 293, 294, 295)
    labels = TotalSegmentatorSegmenter(device="cpu")(scan)
    (image, output, options) = fake.calls[0]
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), scan.values)
    np.testing.assert_array_equal(image.affine, AFFINE)
    assert nibabel.aff2axcodes(image.affine) == ("A", "L", "S")
    assert output is None
    assert options == {"task": "total", "fast": False, "device": "cpu", "quiet": True, "skip_saving": True}
    assert labels.grid is scan.grid
    assert labels.values[1, 2, 3] == 52
    assert labels.names == {52: "aorta"}
    assert "TotalSegmentator (full)" in labels.history[-1]
    assert capsys.readouterr().out == ""


def test_usage_statistics_are_off_before_it_runs(fake, scan):
    put_weights(fake, 297)
    TotalSegmentatorSegmenter(fast=True)(scan)
    assert fake.settings["send_usage_stats"] is False
    assert fake.calls[0][2]["fast"] is True


def test_missing_weights_are_named_and_nothing_is_downloaded(fake, scan):
    put_weights(fake, 291, 293, 294, 295)
    (fake.weights / "Dataset292_empty").mkdir()
    with pytest.raises(DependencyError, match=r"Dataset292 missing in .*weights.*totalseg_download_weights -t total\."):
        TotalSegmentatorSegmenter()(scan)
    with pytest.raises(DependencyError, match="-t total_fast"):
        TotalSegmentatorSegmenter(fast=True)(scan)
    assert fake.calls == []


def test_a_download_may_be_allowed(fake, scan):
    assert TotalSegmentatorSegmenter(allow_download=True)(scan).ids == [52]


def test_labels_on_another_grid_are_refused(fake, scan):
    fake.answer = nibabel.Nifti1Image(np.zeros((2, 3, 4), dtype=np.uint8), np.eye(4))
    with pytest.raises(LabelError, match="another grid"):
        TotalSegmentatorSegmenter(allow_download=True)(scan)


def test_unknown_ids_are_refused(fake, scan):
    fake.answer = nibabel.Nifti1Image(np.full((2, 3, 4), 200, dtype=np.uint8), AFFINE)
    with pytest.raises(LabelError, match="200"):
        TotalSegmentatorSegmenter(allow_download=True)(scan)


def test_without_the_package_the_extra_is_named(monkeypatch, scan):
    monkeypatch.setitem(sys.modules, "totalsegmentator", None)
    with pytest.raises(DependencyError, match=r"tomosplat\[segment\]"):
        TotalSegmentatorSegmenter()(scan)


def test_values_that_are_not_in_hu_are_refused(fake, scan):
    with pytest.raises(UnitsError, match="arbitrary"):
        TotalSegmentatorSegmenter()(Volume(scan.values, scan.grid))
