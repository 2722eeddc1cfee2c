import json
import time

import pytest

from tomosplat.report import Report


def test_stages_are_timed_and_the_same_name_adds_up() -> None:
    report = Report()
    for _ in range(2):
        with report.stage("sleep"):
            time.sleep(0.02)
    assert report.stages["sleep"] >= 0.04


def test_a_report_is_json_with_versions_and_machine() -> None:
    report = Report()
    report.facts["gaussians"] = 3
    report.history.append("resampled")
    data = json.loads(json.dumps(report.to_dict()))
    assert data["gaussians"] == 3
    assert data["history"] == ["resampled"]
    assert data["versions"]["tomosplat"] != "absent"
    assert data["machine"]["cpus"] >= 1
    assert data["peak_memory_mb"] > 1


def test_a_listener_hears_start_progress_and_end_even_of_a_failure() -> None:
    heard: list[tuple] = []

    class Listener:
        def stage_started(self, name: str) -> None:
            heard.append(("start", name))

        def stage_advanced(self, done: int, total: int) -> None:
            heard.append((done, total))

        def stage_ended(self, name: str, seconds: float) -> None:
            heard.append(("end", name))

    def fail_after_progress() -> None:
        with Report(Listener()).stage("work") as progress:
            progress(1, 2)
            raise ValueError("broken work")

    with pytest.raises(ValueError, match="broken work"):
        fail_after_progress()
    assert heard == [("start", "work"), (1, 2), ("end", "work")]
