"""The engine on Ray: what it makes is what one process makes, whoever dies on the way.

In processes of its own: Ray leaves threads and sockets in those that it was started in.
"""

import importlib.util
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
from tests.jobs.works import STAGED, case, write
from tests.patience import PATIENCE_S, until, until_ended

from tomosplat.jobs import run_cases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason='ray is not installed (extra "ray")'),
]


def listed(folder: Path, sleep: float = 0.0) -> list:
    """Good cases, one whose worker is killed once, one on a disk that is full once, a bug, and a corrupted file."""
    folder.mkdir(exist_ok=True)
    trace = str(folder / "trace")
    slow = {"trace": trace, "sleep": sleep} if sleep else {"trace": trace}
    return [
        *(case(f"good-{n}", cost=9.0 - n, trace=trace) for n in range(4)),
        case("killed", cost=8.5, trace=trace, die_once=str(folder / "killed")),
        case("full", cost=7.5, trace=trace, full_once=str(folder / "full")),
        case("bug", cost=6.5, trace=trace, fail=True),
        case("corrupted", cost=5.0, trace=trace, refuse=True),
        case("slow", cost=0.5, **slow),
    ]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}


SCRIPT = """
import json
import sys
from pathlib import Path
from tests.jobs.test_actors import listed
from tests.jobs.works import case, write
from tomosplat.jobs import Limits, run_cases
from tomosplat.jobs.actors import RayActors
if __name__ == "__main__":
    folder, what = Path(sys.argv[1]), sys.argv[2]
    engine = RayActors(2)
    sleep = 1e5 if what == "to be killed" else 0.0
    outcome = run_cases(listed(folder, sleep), write, folder / "out", engine=engine)
    found = {"done": sorted(outcome.done), "skipped": sorted(outcome.skipped), "failed": sorted(outcome.failed)}
    if what == "with an endless one":
        endless = case("endless", trace=str(folder / "endless trace"), sleep=1e5)
        late = run_cases([endless], write, folder / "late", engine=engine, limits=Limits(seconds=1))
        found["late"] = late.failed["endless"]
    (folder / "found.json").write_text(json.dumps(found))
"""


def start(folder: Path, what: str) -> subprocess.Popen:
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": "/usr/bin:/bin"}
    with (folder / "said").open("w") as said:
        return subprocess.Popen([sys.executable, script, folder, what], env=environment, stderr=said)


def test_two_actors_make_what_one_process_makes(tmp_path):
    serial = run_cases(listed(tmp_path / "serial"), write, tmp_path / "serial" / "out")
    folder = tmp_path / "ray"
    folder.mkdir()
    assert start(folder, "with an endless one").wait(PATIENCE_S) == 0
    found = json.loads((folder / "found.json").read_text())
    assert found["done"] == sorted(serial.done)
    assert found["failed"] == sorted(serial.failed) == ["bug", "corrupted"]
    assert found["late"].startswith("TimeLimit: ")
    assert bytes_of(folder / "out") == bytes_of(tmp_path / "serial" / "out")
    tried = (folder / "trace").read_text().split()
    times = {name: tried.count(name) for name in tried}
    expected = dict.fromkeys(times, 1) | {"killed": 2, "full": 2, "bug": 3}
    assert times == expected
    failures = [json.loads((folder / "out" / f"{name}.failed.json").read_text()) for name in ("bug", "corrupted")]
    assert [failure["tries"] for failure in failures] == [3, 1]


def test_a_killed_run_leaves_no_process_and_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "ray"
    folder.mkdir()
    run = start(folder, "to be killed")
    until(lambda: (folder / "asleep").exists() or run.poll() is not None)
    assert run.poll() is None, (folder / "said").read_text()
    # Its actor sleeps; the other has done or failed all the rest at least once.
    until(lambda: len(list((folder / "out").glob("*.done.json"))) >= 4)
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    assert run.wait(PATIENCE_S) != 0
    until_ended(family)
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "out").glob("*.txt")}
    assert start(folder, "again").wait(PATIENCE_S) == 0
    found = json.loads((folder / "found.json").read_text())
    assert sorted(found["done"] + found["skipped"]) == ["full", *(f"good-{n}" for n in range(4)), "killed", "slow"]
    assert {f"{name}.txt" for name in found["skipped"]} == set(before)
    assert {name: (folder / "out" / name).stat().st_mtime_ns for name in before} == before


CLUSTER = """
import os
import sys
import threading
from pathlib import Path
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
import ray
from ray.cluster_utils import Cluster
import psutil
from tests.jobs.test_actors import staged
from tests.jobs.works import STAGED
from tests.patience import until, until_ended
from tomosplat.jobs import run_cases
from tomosplat.jobs.actors import RayActors

def kill_the_node_that_holds_a_case(cluster, nodes, folder):
    until(lambda: (folder / "held").exists() and (folder / "held").read_text())
    worker = psutil.Process(int((folder / "held").read_text()))
    (lost,) = (node for node in nodes if node.all_processes["raylet"][0].process.pid == worker.ppid())
    cluster.remove_node(lost, allow_graceful=False)
    until_ended([worker])
    (folder / "go on").touch()

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    try:
        cluster = Cluster(True, head_node_args={"num_cpus": 1, "num_gpus": 0, "include_dashboard": False})
        nodes = [cluster.add_node(num_cpus=0, num_gpus=1) for _ in range(2)]
    except Exception as error:
        print(error)
        sys.exit(77)
    killer = threading.Thread(target=kill_the_node_that_holds_a_case, args=(cluster, nodes, folder), daemon=True)
    killer.start()
    outcome = run_cases(staged(folder), STAGED, folder / "out", engine=RayActors(1, address=cluster.address))
    killer.join()
    (folder / "found").write_text(" ".join(sorted(outcome.done)))
    ray.shutdown()
    cluster.shutdown()
"""


def staged(folder: Path) -> list:
    """The dearest is held in its second stage."""
    trace = str(folder / "trace")
    others = (case(f"case-{n}", cost=2.0 - n, trace=trace) for n in range(3))
    return [case("held", cost=9.0, trace=trace, hold=str(folder / "go on")), *others]


def test_stages_go_from_processors_to_a_gpu_and_back_and_a_lost_node_loses_nothing(tmp_path):
    serial, folder = tmp_path / "serial", tmp_path / "ray"
    serial.mkdir()
    folder.mkdir()
    (serial / "go on").touch()
    run_cases(staged(serial), STAGED, serial / "out")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": "/usr/bin:/bin"}
    run = subprocess.run([sys.executable, script, folder], env=environment, check=False, timeout=3 * PATIENCE_S)
    if run.returncode == 77:
        pytest.skip("Ray gives up before its nodes have started: this machine is too busy")
    assert run.returncode == 0
    assert (folder / "found").read_text() == "case-0 case-1 case-2 held"
    assert bytes_of(folder / "out") == bytes_of(serial / "out")
    done = [line.split(":") for line in (folder / "trace").read_text().split()]
    # The held case left its second stage before its node was lost: not even that is done twice.
    assert Counter(f"{stage} {name}" for stage, name, _ in done) == Counter(
        f"{stage} {name}"
        for stage in ("decoded", "thought", "encoded")
        for name in ("held", "case-0", "case-1", "case-2")
    )
    processes = {stage: {process for what, _, process in done if what == stage} for stage in ("decoded", "thought")}
    assert len(processes["thought"]) == 2  # the GPU's actor, and the one that took its place
    assert not processes["decoded"] & processes["thought"]
