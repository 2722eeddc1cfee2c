"""The procedural torso: a synthetic CT of a whole trunk with TotalSegmentator labels."""

from __future__ import annotations

import math
import operator

from tomosplat.errors import GeometryError, InputError
from tomosplat.volume.volume import LabelMap, Volume

__all__ = ["torso"]

_FINEST_MM, _COARSEST_MM = 0.5, 10.0


def torso(seed: int = 0, spacing_mm: float = 1.5, *, couch: bool = False) -> tuple[Volume, LabelMap]:
    """Make a CT of a person who does not exist, from the upper thighs to the base of the neck, arms raised.

    The anatomy is a set of implicit shapes in millimetres; ``spacing_mm`` says only how finely they are sampled, so
    every spacing shows the same person. Tissue texture and noise belong to the grid.

    Args:
        seed: Which person: size, fat, curve of the spine, slope of the ribs, size and place of organs and phase of
            the contrast medium follow from it. The same seed and spacing give the same bytes.
        spacing_mm: Edge of the cubic voxels, 0.5 to 10 mm. Memory and time grow with its inverse cube.
        couch: Whether the scanner's table lies behind the back.

    Returns:
        The scan in HU and its labels (TotalSegmentator v2 ids, 119 for the pulmonary artery) on one axis-aligned
        RAS+ grid. Muscle, fat, skin and discs without a label of their own are 0.

    Raises:
        InputError: ``seed`` is not a whole number of at least 0.
        GeometryError: ``spacing_mm`` is outside 0.5 to 10.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if number < 0 or isinstance(seed, bool):
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    if not (math.isfinite(spacing_mm) and _FINEST_MM <= spacing_mm <= _COARSEST_MM):
        raise GeometryError(f"spacing_mm must lie between {_FINEST_MM} and {_COARSEST_MM} mm, got {spacing_mm!r}")
    # The kernels pull in Numba, which whoever reads only files need not pay for.
    from tomosplat.volume.torso.assembly import scan

    return scan(number, float(spacing_mm), couch)
