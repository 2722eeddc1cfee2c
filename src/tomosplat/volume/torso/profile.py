"""Stacks of closed contours: the skin, the cavity of the trunk and the cage that the ribs run on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from tomosplat.volume.torso import kernels
from tomosplat.volume.torso.field import Window
from tomosplat.volume.torso.kernels import Array

Floats = NDArray[np.float64]

_ANGLES = np.linspace(0, np.pi, 129)


@dataclass(frozen=True)
class Profile:
    """A left-right symmetric tube of superelliptic section along z.

    Attributes:
        knots: [M, 6] rows of z, half width, y of the back, y of the front, exponent of the superellipse and depth
            of the furrow along the midline of the back; mm, sorted by z. Shape between knots is monotone.
    """

    knots: Floats

    def at(self, z: ArrayLike) -> Floats:
        """Half width, back, front, exponent and furrow at ``z`` [...]: [..., 5]; the ends carry on unchanged."""
        table = PchipInterpolator(self.knots[:, 0], self.knots[:, 1:])
        return np.asarray(table(np.clip(z, self.knots[0, 0], self.knots[-1, 0])))

    def radius(self, angle: ArrayLike, z: ArrayLike) -> Floats:
        """Distance from the contour's centre at ``angle``, 0 at the back to π at the front."""
        width, back, front, exponent, furrow = np.moveaxis(self.at(z), -1, 0)
        depth = (front - back) / 2
        sine, cosine = np.abs(np.sin(angle)), np.abs(np.cos(angle))
        ellipse = ((sine / width) ** exponent + (cosine / depth) ** exponent) ** (-1 / exponent)
        return np.asarray(ellipse - furrow * np.exp(-((np.asarray(angle) / 0.3) ** 2)))

    def point(self, angle: ArrayLike, z: ArrayLike, offset: float = 0) -> Floats:
        """World positions [..., 3] on the right half, ``offset`` mm outside the contour."""
        _, back, front, _, _ = np.moveaxis(self.at(z), -1, 0)
        r = self.radius(angle, z) + offset
        height = np.broadcast_to(np.asarray(z, np.float64), np.shape(r))
        return np.stack([r * np.sin(angle), (back + front) / 2 - r * np.cos(angle), height], axis=-1)

    def distance(self, window: Window) -> Array:
        """Distance to the contour within each plane of constant z, [I, J, K]."""
        x, y, height = window.axes
        z = height.astype(np.float64)
        middle = self.at(z)[:, 1:3].mean(axis=1).astype(np.float32)
        radius = self.radius(_ANGLES[None, :], z[:, None]).astype(np.float32)
        # Both sides are alike: one is computed.
        across, side = np.unique(np.abs(x), return_inverse=True)
        return kernels.contour_distance(across, y, middle, radius)[side]

    def grown(self, sides: float, back: float, front: float) -> Profile:
        """Return the profile moved outwards by so many mm."""
        return replace(self, knots=self.knots + np.array([0, sides, -back, front, 0, 0]))


#: Inside of the trunk: pleura and peritoneum, from the pelvic floor to the apices of the lungs.
CAVITY = Profile(
    np.array(
        [
            (50, 40, -48, 34, 2.2, 0),
            (90, 56, -56, 44, 2.2, 0),
            (130, 74, -58, 58, 2.2, 0),
            (170, 100, -56, 72, 2.2, 0),
            (205, 110, -58, 80, 2.3, 6),
            (250, 110, -62, 82, 2.4, 10),
            (300, 117, -72, 84, 2.4, 14),
            (340, 125, -84, 89, 2.4, 20),
            (380, 131, -94, 94, 2.35, 24),
            (420, 132, -101, 93, 2.3, 28),
            (460, 127, -105, 85, 2.25, 30),
            (500, 117, -103, 73, 2.2, 30),
            (530, 105, -97, 60, 2.15, 28),
            (555, 86, -88, 45, 2.1, 24),
            (575, 66, -75, 28, 2.1, 16),
            (592, 46, -62, 12, 2.0, 6),
            (612, 30, -50, 0, 2.0, 0),
            (640, 28, -40, 10, 2.0, 0),
        ],
        dtype=np.float64,
    )
)

#: The trunk's skin without thighs, buttocks, neck and arms, which are added as shapes of their own.
TRUNK = Profile(
    np.array(
        [
            (20, 140, -60, 50, 2.4, 0),
            (55, 166, -92, 80, 2.5, 4),
            (95, 172, -106, 90, 2.6, 8),
            (140, 168, -113, 98, 2.6, 4),
            (185, 158, -110, 104, 2.5, 4),
            (235, 146, -103, 106, 2.45, 7),
            (280, 144, -107, 107, 2.45, 8),
            (330, 150, -113, 109, 2.45, 9),
            (380, 157, -123, 111, 2.45, 8),
            (430, 161, -131, 109, 2.5, 6),
            (480, 163, -135, 100, 2.6, 5),
            (520, 162, -135, 88, 2.7, 4),
            (550, 156, -131, 74, 2.7, 3),
            (575, 146, -122, 60, 2.6, 3),
            (600, 122, -108, 40, 2.4, 0),
            (622, 80, -92, 20, 2.2, 0),
            (650, 55, -80, 10, 2.0, 0),
        ],
        dtype=np.float64,
    )
)
