"""Which backend draws, and what is said where none can."""

import subprocess
import sys

import pytest
import torch
from tests.render.random_scenes import random_scene, two_cameras

from tomosplat.errors import BackendUnavailableError, InputError
from tomosplat.render import choose_device, describe_device, rasterize
from tomosplat.render.gpu import backend


@pytest.fixture
def no_interpreter(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.fixture
def gpu(monkeypatch, no_interpreter):
    """A machine that has all that is needed."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(backend, "find_spec", lambda name: name)
    monkeypatch.setattr(torch, "__version__", "2.11.0+cu130")
    monkeypatch.setattr(backend.machine, "version_of", lambda package: "3.6.0")


def test_a_gpu_with_all_that_is_needed_is_used(gpu, monkeypatch):
    assert backend.gpu_problem() is None
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: type("Device", (), {"total_memory": 141e9}))
    described = backend.describe_gpu_backend()
    assert described["device"] == "Some GPU"
    assert described["memory_gb"] == 141


@pytest.mark.parametrize(
    ("torch_version", "triton_version", "named"),
    [
        ("2.10.1+cu128", "3.6.0", "torch 2.10.1"),
        ("2.11.0", "3.5.1", "triton 3.5.1"),
        ("2.9.0", "3.5.0", "torch 2.9.0"),
    ],
)
def test_versions_that_are_too_old_are_named(gpu, monkeypatch, torch_version, triton_version, named):
    monkeypatch.setattr(torch, "__version__", torch_version)
    monkeypatch.setattr(backend.machine, "version_of", lambda package: triton_version)
    assert named in backend.gpu_problem()
    assert "or newer is needed" in backend.describe_gpu_backend()["why"]
    with pytest.raises(BackendUnavailableError, match="too old"):
        choose_device("cuda")


@pytest.mark.parametrize("version", ["2.11.0", "2.13.0+cu130", "3.0.0a0+git12", "absent"])
def test_versions_that_are_new_enough_or_untold_are_taken(gpu, monkeypatch, version):
    monkeypatch.setattr(torch, "__version__", version)
    assert backend.gpu_problem() is None


def test_the_device_is_a_gpu_only_where_there_is_one(gpu, monkeypatch):
    assert [choose_device(name).type for name in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    assert describe_device(torch.device("cpu")) == "cpu"
    with monkeypatch.context() as patched:
        patched.setenv("TRITON_INTERPRET", "1")  # kernels that are interpreted are no reason to leave the CPU
        assert choose_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [choose_device(name).type for name in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(BackendUnavailableError, match="no NVIDIA GPU; see nvidia-smi; or use --device cpu"):
        choose_device("cuda")
    with pytest.raises(InputError, match="'auto', 'cpu' or 'cuda'"):
        choose_device("tpu")


def test_what_is_missing_is_named(gpu, monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert "pip install" in backend.gpu_problem()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert "7.5" in backend.gpu_problem()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no NVIDIA GPU" in backend.gpu_problem()
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "without CUDA" in backend.gpu_problem()
    assert backend.describe_gpu_backend() == {"used": False, "why": backend.gpu_problem()}


def test_a_gpu_that_is_asked_for_and_absent_is_an_error(no_interpreter, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendUnavailableError, match="not possible here"):
        rasterize(random_scene(3), two_cameras(), backend="gpu")


def test_a_scene_must_be_where_its_backend_is(gpu):
    with pytest.raises(BackendUnavailableError, match=r"scene\.to\('cuda'\)"):
        rasterize(random_scene(3), two_cameras(), backend="gpu")
    elsewhere = random_scene(3).to("meta")
    for name in ("cpu", "reference"):
        with pytest.raises(BackendUnavailableError, match=r"scene\.to\('cpu'\)"):
            rasterize(elsewhere, two_cameras(), backend=name)
    with pytest.raises(BackendUnavailableError, match="'meta'"):
        rasterize(elsewhere, two_cameras())


def test_scenes_on_the_cpu_are_drawn_without_triton():
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.render.random_scenes import random_scene, two_cameras\n"
        "from tomosplat.render import rasterize\n"
        "from tomosplat.render.gpu.backend import describe_gpu_backend\n"
        "rasterize(random_scene(3), two_cameras(), backend='reference')\n"
        "describe_gpu_backend()\n"
        "assert 'triton' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
