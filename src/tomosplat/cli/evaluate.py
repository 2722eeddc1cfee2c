"""``tomosplat evaluate``: the papers' tables, on any scans."""

from __future__ import annotations

from dataclasses import dataclass, field

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.evaluation.options import EvaluateOptions


@dataclass(frozen=True, kw_only=True)
class Evaluate(Reported):
    """Compare methods with the path-traced truth: tables and contact sheets. Run again, it adds what is new."""

    cases: tyro.conf.Positional[tuple[str, ...]]
    """Scans, folders of scans, trees of DICOM studies (dicom:FOLDER), lists (.txt, .jsonl) and procedural torsos
    (torso:0..7)."""
    output: Output
    """Folder for truth, scenes, scores and tables."""
    evaluating: EvaluateOptions = field(default_factory=EvaluateOptions)

    def run(self) -> None:
        """Evaluate what is not done yet."""
        from tomosplat.evaluation.evaluate import evaluate
        from tomosplat.pipeline.batch.running import check_outcome

        with self.reporting() as report:
            outcome = evaluate(self.cases, self.output, self.evaluating, report)
        for line in report.facts["passed_over"]:
            print(line)
        print(f"{self.output / 'table.md'}: {len(outcome.done)} jobs done, {len(outcome.skipped)} were done before")
        check_outcome(outcome, self.output)
