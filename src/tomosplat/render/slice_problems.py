"""What is said of Gaussians that cannot be sliced, whatever was to slice them."""

from __future__ import annotations

from typing import Any

from tomosplat.errors import UnitsError


def gaussian_problem(n: int, mean: Any, cov: Any, opacity: float) -> UnitsError:
    """Of 3D Gaussian ``n``."""
    return UnitsError(
        f"Gaussian {n} cannot be sliced: mean {mean.tolist()}, covariance {cov.tolist()} and opacity "
        f"{float(opacity)}; all must be finite, the covariance positive definite and the opacity at least 0"
    )


def ellipse_problem(m: int, ellipse: Any) -> UnitsError:
    """Of 2D Gaussian ``m``."""
    return UnitsError(
        f"ellipse {m} cannot be drawn: {ellipse.tolist()}; centre, covariance and weight must be "
        "finite, the covariance positive definite and the weight at least 0"
    )
