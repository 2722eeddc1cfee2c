"""What every backend's pinhole projection shares."""

from __future__ import annotations

from tomosplat.render.constants import FRUSTUM_MARGIN


def frustum_limits(focal: float, center: float, size: int) -> tuple[float, float]:
    """Lowest and highest x/z (or y/z) at which the perspective is linearised.

    For a centred principal point, ±FRUSTUM_MARGIN times the tangent of half the field of view; for any other, the
    edges of the view moved outwards by as much.
    """
    margin = (FRUSTUM_MARGIN - 1) * size / (2 * focal)
    return -center / focal - margin, (size - center) / focal + margin
