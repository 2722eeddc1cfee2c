import subprocess
import sys

import pytest

import tomosplat

HEAVY = ("torch", "ray", "triton", "numba", "SimpleITK", "scipy", "skimage", "av", "pydicom")


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


@pytest.mark.parametrize("statement", ["import tomosplat", "import tomosplat.cli"])
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str) -> None:
    assert modules_after(statement).isdisjoint(HEAVY)


def test_importing_and_help_open_no_socket() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise RuntimeError('a socket was opened')\n"
        "socket.socket = refuse\n"
        "from tomosplat.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: sys.exit(stop.code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_every_public_name_can_be_loaded() -> None:
    assert "rasterize" in tomosplat.__all__
    for name in tomosplat.__all__:
        assert getattr(tomosplat, name) is not None
