import errno
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.jobs.works import case, write
from tests.patience import PATIENCE_S, until, until_ended

from tomosplat.errors import InputError, OutputError
from tomosplat.jobs import Limits, Local, Records, run_cases
from tomosplat.jobs.worker import Failed, Finished, attempt


def test_outputs_and_markers_appear_and_nothing_else(tmp_path):
    outcome = run_cases([case("a"), case("b")], write, tmp_path)
    assert sorted(outcome.done) == ["a", "b"]
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "more" / "a.txt").read_text() == "a"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.txt", "b.txt", "more", "a.done.json", "b.done.json", "cases.jsonl", ".scratch"}
    assert not any((tmp_path / ".scratch").iterdir())
    marker = json.loads((tmp_path / "a.done.json").read_text())
    assert marker["facts"] == {"fact": 1}
    assert marker["outputs"]["a.txt"]["bytes"] == 1
    assert marker["versions"]["tomosplat"]
    assert marker["peak_memory_mb"] > 1


def test_the_dearest_case_comes_first_and_progress_ends_at_its_total(tmp_path):
    trace, seen = tmp_path / "trace", []
    cases = [case(name, cost=cost, trace=str(trace)) for name, cost in (("cheap", 1), ("dear", 9), ("middling", 5))]
    run_cases(cases, write, tmp_path / "out", progress=lambda done, total: seen.append(done / total))
    assert trace.read_text().split() == ["dear", "middling", "cheap"]
    assert seen == sorted(seen)
    assert seen[:2] == [0, pytest.approx(0.3)]
    assert seen[-1] == 1


def test_done_cases_are_skipped_and_changed_ones_redone(tmp_path):
    trace, out = tmp_path / "trace", tmp_path / "out"
    first = [case("a", trace=str(trace)), case("b", trace=str(trace)), case("c", trace=str(trace))]
    run_cases(first, write, out)
    assert run_cases(first, write, out).skipped == ("a", "b", "c")
    (out / "c.txt").unlink()
    changed = [first[0], case("b", trace=str(trace), config="other", text="new"), first[2]]
    outcome = run_cases(changed, write, out)
    assert (outcome.skipped, sorted(outcome.done)) == (("a",), ["b", "c"])
    assert (out / "b.txt").read_text() == "new"
    assert sorted(trace.read_text().split()) == ["a", "b", "b", "c", "c"]


def test_failures_and_killed_workers_stop_no_other_case(tmp_path):
    cases = [case("bad", cost=3, fail=True), case("dead", cost=2, die=True), case("good")]
    outcome = run_cases(cases, write, tmp_path)
    assert outcome.done == ("good",)
    assert "no such anatomy" in outcome.failed["bad"]
    assert "SIGKILL" in outcome.failed["dead"]
    failure = json.loads((tmp_path / "bad.failed.json").read_text())
    assert "works.py" in failure["traceback"]
    assert [marker["id"] for marker in Records(tmp_path).done()] == ["good"]
    assert run_cases([case("bad")], write, tmp_path).done == ("bad",)
    assert not (tmp_path / "bad.failed.json").exists()


def test_two_workers_do_every_case_once(tmp_path):
    trace = tmp_path / "trace"
    cases = [case(f"case-{i}", trace=str(trace), refuse=i == 2) for i in range(6)]
    outcome = run_cases(cases, write, tmp_path / "out", engine=Local(2))
    assert len(outcome.done) == 5
    assert sorted(trace.read_text().split()) == [f"case-{i}" for i in range(6)]


def test_what_a_retry_may_mend_is_tried_twice_more_after_the_others(tmp_path):
    trace = tmp_path / "trace"
    cases = [
        case("bug", cost=4, trace=str(trace), fail=True),
        case("bad", cost=3, trace=str(trace), refuse=True),
        case("killed", cost=2, trace=str(trace), die_once=str(tmp_path / "killed")),
        case("full", cost=2, trace=str(trace), full_once=str(tmp_path / "full")),
        case("good", trace=str(trace)),
    ]
    outcome = run_cases(cases, write, tmp_path / "out")
    assert trace.read_text().split() == ["bug", "bad", "full", "killed", "good", "bug", "full", "killed", "bug"]
    assert sorted(outcome.done) == ["full", "good", "killed"]
    assert sorted(outcome.failed) == ["bad", "bug"]
    failures = {name: json.loads((tmp_path / "out" / f"{name}.failed.json").read_text()) for name in outcome.failed}
    assert (failures["bug"]["tries"], failures["bad"]["tries"]) == (3, 1)
    assert {path.name for path in (tmp_path / "out").glob("*.failed.json")} == {"bug.failed.json", "bad.failed.json"}


def test_a_disk_that_stays_full_is_an_error_by_name_and_the_next_run_mends_it(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OutputError, match="No space left on device"):
            run_cases([case("a")], write, tmp_path)
    assert not list(tmp_path.glob("*.json*"))
    assert run_cases([case("a")], write, tmp_path).done == ("a",)


def test_a_case_that_takes_too_long_is_ended_and_not_tried_again(tmp_path):
    endless = case("endless", trace=str(tmp_path / "trace"), sleep=1e5)
    outcome = run_cases([endless], write, tmp_path / "out", limits=Limits(seconds=1))
    assert outcome.failed["endless"].startswith("TimeLimit: ")
    assert json.loads((tmp_path / "out" / "endless.failed.json").read_text())["tries"] == 1
    assert run_cases([case("endless")], write, tmp_path / "out").done == ("endless",)


def test_a_case_that_needs_too_much_memory_is_refused_before_it_begins(tmp_path):
    trace = tmp_path / "trace"
    cases = [replace(case(name, trace=str(trace)), memory=memory) for name, memory in (("big", 9), ("small", 7))]
    outcome = run_cases(cases, write, tmp_path / "out", limits=Limits(memory=8))
    assert trace.read_text().split() == ["small"]
    assert "big is expected to need" in outcome.failed["big"]
    assert json.loads((tmp_path / "out" / "big.failed.json").read_text())["tries"] == 0


def test_a_worker_lost_after_its_last_deed_has_done_it(tmp_path):
    class Lost:
        def work_through(self, cases, work, folder, time_limit):
            for lost in cases:
                assert isinstance(attempt(lost, work, folder, lambda done, total: None), Finished)
                yield lost, Failed("WorkerDied", "it was on its way to tell")

    outcome = run_cases([case("a")], write, tmp_path, engine=Lost())
    assert (outcome.done, outcome.failed) == (("a",), {})
    assert not (tmp_path / "a.failed.json").exists()


SCRIPT = """
import signal
import sys
from pathlib import Path
from tests.jobs.works import case, write
from tomosplat.jobs import run_cases
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts in the background ignores Ctrl-C
    out = Path(sys.argv[1])
    run_cases([case("slow", trace=str(out.parent / "trace"), sleep=float(sys.argv[2]))], write, out)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_no_process_and_no_half_result_and_can_be_resumed(tmp_path, number):
    out = tmp_path / "out"
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(out)]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    run = subprocess.Popen([*command, "1e5"], env=environment, stderr=subprocess.DEVNULL)
    until((tmp_path / "asleep").exists)
    workers = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    assert run.wait(PATIENCE_S) != 0
    until_ended(workers)
    assert not list(out.glob("*.txt"))
    assert not list(out.glob("*.json"))
    subprocess.run([*command, "0"], env=environment, check=True)
    assert (out / "slow.txt").read_text() == "slow"


def test_a_folder_takes_one_run_at_a_time_and_a_dead_one_does_not_count(tmp_path):
    lock = tmp_path / ".lock"
    holder = psutil.Process()
    lock.write_text(f"{holder.pid} {holder.create_time()}")
    with pytest.raises(InputError, match=str(holder.pid)):
        run_cases([case("a")], write, tmp_path)
    lock.write_text(f"{holder.pid} {holder.create_time() - 1}")
    assert run_cases([case("a")], write, tmp_path).done == ("a",)
    assert not lock.exists()


def test_impossible_lists_are_refused(tmp_path):
    with pytest.raises(InputError, match="several cases are called a"):
        run_cases([case("a"), case("A")], write, tmp_path)
    with pytest.raises(InputError, match="at least 1"):
        Local(0)
    with pytest.raises(InputError, match="some time and memory"):
        Limits(seconds=0)
    with pytest.raises(InputError, match="not fit for a file name"):
        case("../a")
