import numpy as np
import pytest
from tests.render.pathtrace.ztest import compare


def noisy(truth: np.ndarray, seed: int, samples: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """A picture of ``samples`` exponentially distributed paths per pixel, and the variance of their mean."""
    paths = np.random.default_rng(seed).exponential(truth, (samples, *truth.shape))
    return paths.mean(axis=0), paths.var(axis=0, ddof=1) / samples


TRUTH = np.random.default_rng(5).uniform(0.1, 1, (24, 24, 3))


def test_pictures_of_one_scene_agree() -> None:
    compare(*noisy(TRUTH, 0), *noisy(TRUTH, 1))


def test_three_percent_more_light_is_seen() -> None:
    with pytest.raises(AssertionError, match="off"):
        compare(*noisy(TRUTH * 1.03, 0), *noisy(TRUTH, 1))


def test_a_few_wrong_pixels_are_seen() -> None:
    image, variance = noisy(TRUTH, 0)
    image[3:5, 3:5] *= 2
    image[9:11, 9:11] *= 0.0
    with pytest.raises(AssertionError, match="agree"):
        compare(image, variance, *noisy(TRUTH, 1))
