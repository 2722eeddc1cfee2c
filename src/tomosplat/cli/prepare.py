"""``tomosplat prepare``: training and evaluation data."""

from __future__ import annotations

from dataclasses import dataclass, field

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.datasets.options import PrepareOptions


@dataclass(frozen=True, kw_only=True)
class Prepare(Reported):
    """Path-trace scans into a dataset for training and evaluation; stopped at any moment, it goes on where it was."""

    cases: tyro.conf.Positional[tuple[str, ...]]
    """Scans, folders of scans, trees of DICOM studies (dicom:FOLDER), lists (.txt, .jsonl) and procedural torsos
    (torso:0..7)."""
    output: Output
    """Folder of the dataset."""
    preparing: PrepareOptions = field(default_factory=PrepareOptions)

    def run(self) -> None:
        """Prepare what is not done yet."""
        from tomosplat.pipeline.batch.running import check_outcome
        from tomosplat.pipeline.datasets.prepare import prepare_dataset

        with self.reporting() as report:
            outcome = prepare_dataset(self.cases, self.output, self.preparing, report)
        for line in report.facts["passed_over"]:
            print(line)
        print(f"{self.output}: {len(outcome.done)} cases prepared, {len(outcome.skipped)} were done before")
        check_outcome(outcome, self.output)
