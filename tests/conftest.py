"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tomosplat.kernel_cache import choose_folder

# The same examples in every run, and no clock that a busy machine could make late.
settings.register_profile(
    "ci", max_examples=50, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")

# A folder of compiled kernels for each process that runs tests: where two save the same kernel for different types at
# the same moment, Numba can file the one under the name of the other.
choose_folder()
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["NUMBA_CACHE_DIR"] += os.sep + os.environ["PYTEST_XDIST_WORKER"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared real scans are not beside this checkout")
    return folder
