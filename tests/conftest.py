"""Options and fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", max_examples=50, derandomize=True, deadline=None)
settings.load_profile("ci")


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
