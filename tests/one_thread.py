"""A fixture for tests of many small operations: threads that wait for each other are slow where others work, too."""

from collections.abc import Iterator

import numba
import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)  # its parallel loops would set those of torch again
    yield
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])
