"""``tomosplat batch``: the verbs that take a list of cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from tomosplat.cli.batch_render import BatchRender
from tomosplat.cli.batch_scenes import BatchPredict, BatchPrime
from tomosplat.cli.evaluate import Evaluate
from tomosplat.cli.prepare import Prepare

Verb = (
    Annotated[BatchPredict, tyro.conf.subcommand("predict")]
    | Annotated[BatchPrime, tyro.conf.subcommand("prime")]
    | Annotated[BatchRender, tyro.conf.subcommand("render")]
    | Annotated[Prepare, tyro.conf.subcommand("prepare")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
)


@dataclass(frozen=True)
class Batch:
    """Work through a list of cases: on this machine, on a cluster, in parts; stopped at any moment, it goes on."""

    verb: Verb

    def run(self) -> None:
        """Run the verb that was asked for."""
        self.verb.run()
