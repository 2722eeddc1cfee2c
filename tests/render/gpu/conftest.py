"""Where the kernels run: the same tests hold in Triton's interpreter and, with --device cuda, on a GPU."""

import pytest
import torch


@pytest.fixture(scope="session")
def device(request):
    pytest.importorskip("triton", reason="Triton is made for Linux on x86_64")
    name = request.config.getoption("--device")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.fail("--device cuda, but torch finds no GPU")
    return torch.device(name)
