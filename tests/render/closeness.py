"""How a kernel's gradients are compared with the reference's: no entry far off, nothing scaled, turned or missing."""

from torch import Tensor


def assert_gradient_close(actual: Tensor, expected: Tensor, relative: float = 1e-3) -> None:
    """Check entries, relative L2 distance, cosine, and the length of each Gaussian's row.

    The rows catch what a norm over all hides: a small gradient that is missing altogether.
    """
    actual, expected = actual.double(), expected.double()
    assert actual.shape == expected.shape
    assert bool(actual.isfinite().all()), "gradient is not finite"
    scale = expected.abs().max()
    difference = actual - expected
    assert float(difference.abs().max()) <= relative * float(scale), "an entry is far off"
    assert float(difference.norm()) <= relative * float(expected.norm()), "relative L2 distance"
    cosine = (actual * expected).sum() / (actual.norm() * expected.norm())
    assert float(cosine) >= 1 - 1e-4, "direction"
    rows, expected_rows = (values.reshape(len(values), -1).norm(dim=1) for values in (actual, expected))
    large = expected_rows > 1e-4 * float(scale)
    assert bool(((rows - expected_rows).abs()[large] <= 0.01 * expected_rows[large]).all()), (
        "a row is missing or scaled"
    )
