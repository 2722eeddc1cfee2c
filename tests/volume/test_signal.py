"""Signal of MR and ultrasound relative to its own range, and the body found in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.anatomy import SignalSegmenter
from tomosplat.errors import UnitsError
from tomosplat.geometry import Grid
from tomosplat.volume import Volume
from tomosplat.volume.signal import relative_signal

SHAPE = (28, 30, 32)


def ball(seed: int = 0) -> np.ndarray:
    """A noisy ball of signal 800 with a dark core in air of 20."""
    rng = np.random.default_rng(seed)
    radius = np.linalg.norm(np.indices(SHAPE).T - np.array(SHAPE) / 2, axis=-1).T
    return (20 + 780.0 * ((radius < 11) & (radius > 4)) + rng.normal(0, 5, SHAPE)).astype(np.float32)


def scan(values: np.ndarray, unit: str = "arbitrary") -> Volume:
    return Volume(values, Grid(SHAPE, np.diag([1.5, 1.5, 1.5, 1.0])), unit, "MR")


def test_air_becomes_0_and_bright_tissue_1() -> None:
    signal = relative_signal(scan(ball()))
    assert signal.unit == "relative"
    assert abs(np.median(signal.values[:4])) < 0.01
    assert np.percentile(signal.values[ball() > 400], 99) == pytest.approx(1, abs=1e-3)
    assert "made relative: 19.9" in signal.history[-1]


@given(st.floats(1e-3, 1e4), st.floats(-1e3, 1e3))
def test_the_scanners_factor_and_offset_do_not_matter(factor: float, offset: float) -> None:
    one, other = relative_signal(scan(ball())), relative_signal(scan(ball() * np.float32(factor) + np.float32(offset)))
    assert np.abs(one.values - other.values).max() < 0.02 + 1e-6 * abs(offset) / factor


@pytest.mark.parametrize(
    ("values", "unit", "says"), [(np.full(SHAPE, 7.0), "arbitrary", "are 7"), (ball(), "HU", "HU")]
)
def test_a_scan_without_signal_and_a_ct_are_refused(values, unit, says) -> None:
    with pytest.raises(UnitsError, match=says):
        relative_signal(scan(values, unit))


def test_the_body_is_whole_and_specks_are_none_of_it() -> None:
    values = ball()
    values[1:3, 1:3, 1:3] = 900
    labels = SignalSegmenter()(relative_signal(scan(values)))
    assert set(np.unique(labels.values)) == {0, 124}
    assert labels.names == {124: "tissue_soft"}
    assert labels.values[14, 15, 16] == 124  # dark inside
    assert not labels.values[:5, :5, :5].any()
    radius = np.linalg.norm(np.indices(SHAPE).T - np.array(SHAPE) / 2, axis=-1).T
    assert (labels.values[radius < 11] == 124).all()
    assert not labels.values[radius > 15].any()


def test_no_signal_is_no_body() -> None:
    labels = SignalSegmenter()(Volume(np.zeros(SHAPE, np.float32), scan(ball()).grid, "relative", "MR"))
    assert not labels.values.any()
    assert not labels.names
