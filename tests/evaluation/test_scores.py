"""Numbers of hand-made pictures, by hand."""

import math

import pytest
import torch

from tomosplat.evaluation import scores
from tomosplat.evaluation.scores import compare, mean_of
from tomosplat.fitting import View
from tomosplat.geometry import fibonacci_directions, frame_points


def view(size: int, brightness: float) -> View:
    """The left half shows one grey, the right half nothing."""
    camera = frame_points([[0, 0, 0], [1, 1, 1]], fibonacci_directions(1), size, size)
    rgba = torch.zeros(size, size, 4)
    rgba[:, : size // 2, :3] = brightness
    rgba[:, : size // 2, 3] = 1
    return View(camera, rgba)


def test_psnr_over_the_picture_and_the_foreground_is_that_of_the_known_error():
    picture = view(64, 0.5).rgba
    numbers = compare(picture, view(64, 0.6), perceptual=False)
    assert numbers["psnr_foreground"] == pytest.approx(20, abs=1e-4)
    assert numbers["psnr"] == pytest.approx(20 + 10 * math.log10(2), abs=1e-4)
    assert 0.9 < numbers["ssim_foreground"] < numbers["ssim"] < 1


def test_ssim_of_a_flat_foreground_is_its_luminance_factor():
    # Masked windows that lie in the flat part: contrast and structure are 1, luminance (2ab + C1) / (a² + b² + C1).
    one, other = view(64, 0.5), view(64, 0.6)
    one.rgba[...], other.rgba[...] = torch.tensor([0.5, 0.5, 0.5, 1]), torch.tensor([0.6, 0.6, 0.6, 1])
    numbers = compare(one.rgba, other, perceptual=False)
    expected = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert numbers["ssim"] == pytest.approx(expected, abs=1e-5)
    assert numbers["ssim_foreground"] == pytest.approx(expected, abs=1e-5)


def test_what_is_brighter_than_white_is_compared_as_shown():
    picture = view(64, 1.7).rgba
    assert compare(picture, view(64, 1.0), perceptual=False)["psnr"] == math.inf


@pytest.mark.parametrize(("size", "known"), [(64, False), (176, True)])
def test_ms_ssim_needs_pictures_that_are_large_enough(size, known):
    numbers = compare(view(size, 0.5).rgba, view(size, 0.6), perceptual=False)
    assert (numbers["ms_ssim"] is not None) == known


def test_the_perceptual_number_is_empty_unless_it_can_be_measured(monkeypatch):
    picture, truth = view(64, 0.5).rgba, view(64, 0.6)
    assert compare(picture, truth, perceptual=False)["st_lpips"] is None
    monkeypatch.setattr(scores, "st_lpips", lambda image, target: (image - target).abs().mean())
    assert compare(picture, truth, perceptual=True)["st_lpips"] == pytest.approx(0.05, abs=1e-6)


def test_means_are_means_and_a_missing_number_stays_missing():
    assert mean_of([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": None}]) == {"a": 2.0, "b": None}
