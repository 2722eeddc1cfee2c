"""The procedural torso is a body: the right organs, of the right size, on the right side."""

import numpy as np
import pytest

from tomosplat.errors import GeometryError, InputError
from tomosplat.volume import torso


def test_same_seed_gives_the_same_bytes_and_another_seed_another_person():
    first, again, other = torso(3, 6), torso(3, 6), torso(4, 6)
    assert first[0].values.tobytes() == again[0].values.tobytes()
    assert first[1].values.tobytes() == again[1].values.tobytes()
    assert first[0].values.shape != other[0].values.shape or not np.array_equal(first[1].values, other[1].values)


@pytest.mark.parametrize("seed", [-1, 0.5, "1", True])
def test_refuses_a_seed_that_is_no_count(seed):
    with pytest.raises(InputError, match="seed"):
        torso(seed, 6)


@pytest.mark.parametrize("spacing", [0, -1, 0.1, 50, float("nan")])
def test_refuses_an_impossible_spacing(spacing):
    with pytest.raises(GeometryError, match="spacing_mm"):
        torso(0, spacing)
