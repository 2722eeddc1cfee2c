"""``tomosplat slices evaluate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.pipeline.slices.evaluation_options import SliceEvaluationOptions


@dataclass(frozen=True, kw_only=True)
class SlicesEvaluate(Reported):
    """Hold slices out of a volume and compare methods with them, plain interpolation always among these."""

    volume: tyro.conf.Positional[Path]
    """A scan: NIfTI, NRRD, MetaImage or a DICOM folder."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder for rows, contact sheets and tables; run again, it adds what is new."""
    evaluating: SliceEvaluationOptions = field(default_factory=SliceEvaluationOptions)

    def run(self) -> None:
        """Evaluate and print a table for each axis and fraction."""
        from tomosplat.pipeline.slices.evaluate import evaluate_slices
        from tomosplat.slices.rows import by_case
        from tomosplat.slices.tables import terminal_table

        with self.reporting() as report:
            rows = evaluate_slices(self.volume, self.output, self.evaluating, report)
        for (name, axis, fraction), case in by_case(rows).items():
            print(f"\n{name}, {axis}, {100 * fraction:g} % of the slices given\n{terminal_table(case)}")
        if report.facts["gain_db"] is not None:
            print(f"\nflow: {report.facts['gain_db']:+.2f} dB over the best plain interpolator")
