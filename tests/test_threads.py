"""As many threads as asked for, also once Numba has launched its own; in a fresh process, where it has not yet."""

import subprocess
import sys

SCRIPT = """
import numba
import torch
from tomosplat import threads

threads.use(1)
assert threads.n_threads() == 1  # from now on, torch leaves OpenMP's number alone

@numba.njit(parallel=True)
def total(n):
    found = 0
    for i in numba.prange(n):
        found += i
    return found

assert total(10) == 45
print(torch.get_num_threads(), numba.get_num_threads())
"""


def test_numbas_own_threads_leave_torchs_number_as_it_is():
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "NUMBA_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["1", "1"], run.stderr
