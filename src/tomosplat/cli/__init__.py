"""Floor 8: one small dataclass per verb; no logic."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from tomosplat.cli.batch import Batch
from tomosplat.cli.cameras import MakeCameras
from tomosplat.cli.demo import Demo
from tomosplat.cli.doctor import Doctor
from tomosplat.cli.dvr import Dvr
from tomosplat.cli.evaluate import Evaluate
from tomosplat.cli.export import Export
from tomosplat.cli.fidelity import MeasureFidelity
from tomosplat.cli.finetune import FineTune
from tomosplat.cli.fit import Fit
from tomosplat.cli.info import Info
from tomosplat.cli.pathtrace import PathTrace
from tomosplat.cli.predict import Predict
from tomosplat.cli.prepare import Prepare
from tomosplat.cli.prime import Prime
from tomosplat.cli.raymarch import RayMarch
from tomosplat.cli.render import Render
from tomosplat.cli.slices import Slices
from tomosplat.cli.train import Train
from tomosplat.cli.view import View
from tomosplat.errors import TomosplatError

Command = (
    Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Prime, tyro.conf.subcommand("prime")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[PathTrace, tyro.conf.subcommand("pathtrace")]
    | Annotated[RayMarch, tyro.conf.subcommand("raymarch")]
    | Annotated[Prepare, tyro.conf.subcommand("prepare")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Fit, tyro.conf.subcommand("fit")]
    | Annotated[FineTune, tyro.conf.subcommand("finetune")]
    | Annotated[MeasureFidelity, tyro.conf.subcommand("fidelity")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Slices, tyro.conf.subcommand("slices")]
    | Annotated[Dvr, tyro.conf.subcommand("dvr")]
    | Annotated[Batch, tyro.conf.subcommand("batch")]
    | Annotated[MakeCameras, tyro.conf.subcommand("cameras")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 1 failed, 2 bad arguments or input, 3 some cases failed."""
    command: Command = tyro.cli(
        Command,
        prog="tomosplat",
        description="A CT, MRI or ultrasound scan as an interactive, photorealistic 3D scene.",
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        command.run()
    except TomosplatError as error:
        print(f"tomosplat: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("tomosplat: stopped; nothing was left half-written", file=sys.stderr)
        return 130
    return 0
