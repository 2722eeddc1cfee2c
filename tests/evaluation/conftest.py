import pytest
from tests.evaluation.running import run_here

from tomosplat.evaluation import evaluate as module
from tomosplat.evaluation.evaluate import evaluate
from tomosplat.evaluation.options import EvaluateOptions
from tomosplat.report import Report

TINY = EvaluateOptions(
    spacing=10,
    size=24,
    fit_views=3,
    test_views=2,
    fit_samples=2,
    test_samples=3,
    looks=("all/seen", "skeleton"),
    methods=("plain", "march+ft", "switch"),
    iterations=2,
    finetune_iterations=2,
)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """One procedural torso, everything about it made in this process."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run_list", run_here)
        outcome = evaluate(["torso:0"], folder, TINY, Report())
    assert not outcome.failed
    return folder


@pytest.fixture
def here(monkeypatch):
    """Evaluate in this process: starting others is what takes long, and ``tests/jobs`` sees to it."""
    monkeypatch.setattr(module, "run_list", run_here)
    return lambda folder, *sources, options=TINY, report=None: evaluate(sources, folder, options, report or Report())
