"""``tomosplat dvr``: verbs of its own, one file each (``dvr_fit.py``, ...)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from tomosplat.cli.dvr_fit import DvrFit
from tomosplat.cli.dvr_render import DvrRender
from tomosplat.cli.dvr_train import DvrTrain

Verb = (
    Annotated[DvrFit, tyro.conf.subcommand("fit")]
    | Annotated[DvrTrain, tyro.conf.subcommand("train")]
    | Annotated[DvrRender, tyro.conf.subcommand("render")]
)


@dataclass(frozen=True)
class Dvr:
    """Volume rendering learned from pictures: show how the scan should look, get what draws it so."""

    verb: Verb

    def run(self) -> None:
        """Run the verb that was asked for."""
        self.verb.run()
