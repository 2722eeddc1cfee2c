"""Options and fixtures shared by all tests."""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where kernels for GPUs run: interpreted on the CPU, or on a GPU",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Triton reads this when it is imported. It is set before any test is, in every worker alike, whichever tests are
    # chosen; nothing but Triton reads it, and tests that compile for a GPU run in a process without it.
    if config.getoption("--device") == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared real scans are not beside this checkout")
    return folder
