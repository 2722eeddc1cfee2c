"""``tomosplat batch predict`` and ``tomosplat batch prime``."""

from __future__ import annotations

from dataclasses import dataclass, field

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.batch.options import BatchSceneOptions
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions


@dataclass(frozen=True, kw_only=True)
class _BatchScenes(Reported):
    cases: tyro.conf.Positional[tuple[str, ...]]
    """Scans, folders of scans, trees of DICOM studies (dicom:FOLDER), lists (.txt, .jsonl) and procedural torsos
    (torso:0..7)."""
    output: Output
    """Folder for the scenes."""
    making: BatchSceneOptions = field(default_factory=BatchSceneOptions)
    priming: PrimingOptions = field(default_factory=PrimingOptions)

    def make(self, predicting: PredictingOptions | None) -> None:
        from tomosplat.pipeline.batch.running import check_outcome
        from tomosplat.pipeline.batch.scenes import make_scenes

        with self.reporting() as report:
            outcome = make_scenes(self.cases, self.output, self.making, self.priming, predicting, report)
        for line in report.facts["passed_over"]:
            print(line)
        print(f"{self.output}: {len(outcome.done)} scenes made, {len(outcome.skipped)} were done before")
        check_outcome(outcome, self.output)


@dataclass(frozen=True, kw_only=True)
class BatchPrime(_BatchScenes):
    """Turn CTs into scenes of 6D Gaussians by anatomy-guided priming, one for each scan."""

    def run(self) -> None:
        """Make what is not done yet."""
        self.make(None)


@dataclass(frozen=True, kw_only=True)
class BatchPredict(_BatchScenes):
    """Turn CTs into scenes of 6D Gaussians: primed, then changed by a network in one pass; one for each scan."""

    predicting: PredictingOptions = field(default_factory=PredictingOptions)

    def run(self) -> None:
        """Make what is not done yet."""
        self.make(self.predicting)
