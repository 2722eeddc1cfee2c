"""Colours interpolated as VTK does: in RGB, HSV, CIE Lab, or Moreland's diverging space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tomosplat.transfer.importers.resample import FloatArray

_Mix = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def interpolate_color(x: FloatArray, points: FloatArray, space: str) -> FloatArray:
    """Evaluate a colour map.

    Args:
        x: [N] values.
        points: [M, 4] rows of value, red, green, blue in 0..1, sorted.
        space: One of COLOR_SPACES.

    Returns:
        [N, 3] red, green, blue in 0..1.
    """
    left = np.clip(np.searchsorted(points[:, 0], x, side="right") - 1, 0, max(len(points) - 2, 0))
    right = np.minimum(left + 1, len(points) - 1)
    width = points[right, 0] - points[left, 0]
    share = np.clip((x - points[left, 0]) / np.where(width > 0, width, 1), 0, 1)
    mixed = COLOR_SPACES[space](points[left, 1:], points[right, 1:], share[:, None])
    return np.clip(mixed, 0, 1)


def _mix_rgb(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    return first + share * (second - first)


def _mix_hsv(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    """The hue goes the shorter way round."""
    from skimage.color import hsv2rgb, rgb2hsv

    a, b = rgb2hsv(first), rgb2hsv(second)
    turn = b[:, 0] - a[:, 0]
    b[:, 0] = np.where(turn > 0.5, b[:, 0] - 1, np.where(turn < -0.5, b[:, 0] + 1, b[:, 0]))
    hsv = a + share * (b - a)
    hsv[:, 0] %= 1
    return np.asarray(hsv2rgb(hsv), dtype=np.float64)


def _mix_lab(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    return _from_lab(_mix_rgb(_to_lab(first), _to_lab(second), share))


def _mix_diverging(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    """Two strong hues meet in a white between them (K. Moreland, Diverging Color Maps, 2009)."""
    a, b, s = _to_msh(first), _to_msh(second), share[:, 0]
    between = np.abs(a[:, 2] - b[:, 2]) % (2 * np.pi)
    between = np.minimum(between, 2 * np.pi - between)
    apart = (a[:, 1] > 0.05) & (b[:, 1] > 0.05) & (between > np.pi / 3)
    white = np.zeros_like(a)
    white[:, 0] = np.maximum(np.maximum(a[:, 0], b[:, 0]), 88)
    early = apart & (s < 0.5)
    late = apart & ~early
    a, b = np.where(late[:, None], white, a), np.where(early[:, None], white, b)
    s = np.where(early, 2 * s, np.where(late, 2 * s - 1, s))
    pale_a, pale_b = a[:, 1] < 0.05, b[:, 1] < 0.05
    hue_a, hue_b = _spun_hue(b, a[:, 0]), _spun_hue(a, b[:, 0])
    a[:, 2] = np.where(pale_a & ~pale_b, hue_a, a[:, 2])
    b[:, 2] = np.where(pale_b & ~pale_a, hue_b, b[:, 2])
    return _from_msh(a + s[:, None] * (b - a))


def _spun_hue(strong: FloatArray, pale_magnitude: FloatArray) -> FloatArray:
    """The hue to give a pale colour, so that the way to a strong one looks even."""
    magnitude, saturation, hue = strong.T
    rise = np.sqrt(np.maximum(pale_magnitude**2 - magnitude**2, 0))
    along = magnitude * np.sin(saturation)
    spin = saturation * rise / np.where(along > 0, along, 1)
    spun = np.where(hue > -np.pi / 3, hue + spin, hue - spin)
    return np.asarray(np.where(magnitude >= pale_magnitude - 0.1, hue, spun))


def _to_msh(rgb: FloatArray) -> FloatArray:
    """Polar CIE Lab: magnitude, saturation angle, hue angle."""
    lightness, a, b = _to_lab(rgb).T
    magnitude = np.sqrt(lightness**2 + a**2 + b**2)
    saturation = np.arccos(np.clip(lightness / np.maximum(magnitude, 1e-3), -1, 1))
    pale = (magnitude < 1e-3) | (saturation < 1e-3)
    hue = np.where(pale, 0, np.arctan2(b, a))
    return np.column_stack([magnitude, np.where(magnitude < 1e-3, 0, saturation), hue])


def _from_msh(msh: FloatArray) -> FloatArray:
    magnitude, saturation, hue = msh.T
    chroma = magnitude * np.sin(saturation)
    return _from_lab(np.column_stack([magnitude * np.cos(saturation), chroma * np.cos(hue), chroma * np.sin(hue)]))


def _to_lab(rgb: FloatArray) -> FloatArray:
    from skimage.color import rgb2lab

    return np.asarray(rgb2lab(rgb), dtype=np.float64)


def _from_lab(lab: FloatArray) -> FloatArray:
    """sRGB; what is too bright for it is scaled down, so that its hue stays, as VTK does."""
    from skimage.color import lab2xyz
    from skimage.color.colorconv import rgb_from_xyz

    linear = np.maximum(np.maximum(lab2xyz(lab), 0) @ rgb_from_xyz.T, 0)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(rgb / np.maximum(rgb.max(axis=1, keepdims=True), 1))


#: How to mix two colours [N, 3] by a share [N, 1], for each of VTK's spaces that are read.
COLOR_SPACES: dict[str, _Mix] = {
    "RGB": _mix_rgb,
    "HSV": _mix_hsv,
    "Lab": _mix_lab,
    "CIELAB": _mix_lab,
    "Diverging": _mix_diverging,
}
