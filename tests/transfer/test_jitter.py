import numpy as np
import pytest

from tomosplat.errors import InputError
from tomosplat.transfer import JitterRanges, TransferFunctions, jittered

SEEN = TransferFunctions.preset("seen")


def test_the_same_seed_gives_the_same_functions_and_another_gives_others():
    first, again, other = (jittered(SEEN, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict()
    assert first.to_dict() != other.to_dict()
    assert first.to_dict() != SEEN.to_dict()


@pytest.mark.parametrize("seed", range(20))
def test_no_point_leaves_the_ranges(seed):
    ranges = JitterRanges()
    drawn = jittered(SEEN, np.random.default_rng(seed), ranges)
    assert drawn.functions.keys() == SEEN.functions.keys()
    for group, function in SEEN.functions.items():
        before, after = function.points, drawn.functions[group].points
        inner = before[1:-1, 0]
        np.testing.assert_array_equal(before[[0, -1], 0], after[[0, -1], 0])
        if inner.size:
            reach = ranges.shift + (ranges.stretch - 1) * np.abs(inner - inner.mean()).max()
            assert np.abs(after[1:-1, 0] - inner).max() <= reach + 1e-9
        colors = np.abs(after[:, 1:4] - before[:, 1:4])
        assert (colors <= ranges.color + ranges.tint * before[:, 1:4] + 1e-9).all()
        np.testing.assert_array_equal(before[:, 4] == 0, after[:, 4] == 0)
        visible = before[:, 4] > 0
        factors = after[visible, 4] / before[visible, 4]
        assert factors.max(initial=1) <= ranges.opacity + 1e-9
        assert factors.min(initial=1) >= np.minimum(1 / ranges.opacity, 1) - 1e-9


def test_ranges_of_nothing_change_nothing():
    still = jittered(SEEN, np.random.default_rng(0), JitterRanges(0, 1, 0, 0, 1))
    for group, function in SEEN.functions.items():
        np.testing.assert_allclose(still.functions[group].points, function.points, atol=1e-12)


def test_impossible_ranges_are_refused():
    with pytest.raises(InputError, match="jitter needs"):
        JitterRanges(stretch=0.5)
