"""Fixtures shared by all tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no clock that a busy machine could make late.
settings.register_profile(
    "ci", max_examples=50, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared real scans are not beside this checkout")
    return folder
