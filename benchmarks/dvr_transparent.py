"""The absorbing transparent state: which remedies bring a black picture back; prints a table.

    python benchmarks/dvr_transparent.py [--size 48] [--pixels 48] [--epochs 40]

The thigh of ``dvr_subjects.py`` looks as the paper's CARP does, dark and nearly transparent. Each way to make
absorption and colour of what is learned is fitted from thin fog, and from a table that has become wholly transparent
and black. Told is the PSNR by pictures not learned from, beside that of black ones, and the mean opacity in the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dvr_subjects import prepare
from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.quality import quality_of
from tomosplat.dvr.table_fitting import TableFit, fit_table
from tomosplat.dvr.table_settings import TableSettings
from tomosplat.dvr.tables import LookupTable, PerceptronTable, TableModel, steady_sigmoid, steady_softplus

_EPSILON = 1e-8  # Adam's own


@dataclass(frozen=True)
class Remedy:
    """How what is learned becomes absorption and colour, Adam's ε, and whether lookup tables are held within bounds.

    ``leaky``: whether hidden units of perceptrons leak.
    """

    absorption: Callable[[Tensor], Tensor]
    color: Callable[[Tensor], Tensor] = torch.sigmoid
    epsilon: float = _EPSILON
    bounded: bool = False
    leaky: bool = False


REMEDIES = {
    "clamped at 0": Remedy(lambda raw: raw.clamp(min=0)),
    "sigmoid (paper)": Remedy(torch.sigmoid),
    "softplus": Remedy(nn.functional.softplus),
    "softplus, ε = 1e-15": Remedy(nn.functional.softplus, epsilon=1e-15),
    "steady": Remedy(steady_softplus, steady_sigmoid, 1e-15),
    "steady, bounded or leaky (ours)": Remedy(steady_softplus, steady_sigmoid, 1e-15, True, True),
}


class Remedied(nn.Module):
    """A table whose absorption is made in another way."""

    def __init__(self, model: TableModel, remedy: Remedy) -> None:
        super().__init__()
        self.model, self.remedy = model, remedy

    def forward(self) -> Tensor:
        """The table."""
        raw = self.model.learned()
        return torch.cat([self.remedy.color(raw[..., :3]), self.remedy.absorption(raw[..., 3:])], dim=-1)

    def settle(self) -> None:
        """Hold what is learned within its bounds, if it is."""
        if self.remedy.bounded:
            self.model.settle()


def begin(features: Features, settings: TableSettings, remedy: Remedy, transparent: bool) -> TableFit:
    """The state before the first step: thin fog, or nothing at all."""
    fit = TableFit.begin(features, settings)
    with torch.no_grad():
        if isinstance(fit.model, LookupTable):
            if transparent:
                fit.model.raw.fill_(-20)
            elif remedy.absorption is REMEDIES["clamped at 0"].absorption:
                fit.model.raw[..., 3] = nn.functional.softplus(fit.model.raw[..., 3])
        if isinstance(fit.model, PerceptronTable):
            if not remedy.leaky:
                fit.model.layers[1], fit.model.layers[3] = nn.ReLU(), nn.ReLU()
            if transparent:
                fit.model.layers[4].bias.fill_(-20)
                fit.model.layers[2].bias.fill_(-20)  # no hidden unit is alive
    model = Remedied(fit.model, remedy)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.step_size, betas=(0.9, 0.99), eps=remedy.epsilon)
    return TableFit(model, optimizer, fit.generator)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--pixels", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    prepared = prepare("thigh", options.data, options.size, options.pixels)
    black = quality_of(torch.zeros_like(prepared.test.images), prepared.test.images)
    print(
        f"black pictures: {black.psnr:.1f} dB; mean opacity wanted: {float(prepared.test.images[..., 3].mean()):.3f}\n"
    )
    print("| model | absorption | from fog: dB | opacity | from nothing: dB | opacity |\n|---|---|---|---|---|---|")
    for kind in ("lookup", "mlp"):
        for name, remedy in REMEDIES.items():
            cells = []
            for transparent in (False, True):
                settings = TableSettings(
                    kind=kind, epochs=options.epochs, high_rate=1.0, test_rate=2.0, associated=True
                )
                state = begin(prepared.features, settings, remedy, transparent)
                fit = fit_table(prepared.features, prepared.train, prepared.test, settings, state=state)
                image = render_table(prepared.features, fit.model().detach(), prepared.test.rays, March(2.0, True))
                cells += [f"{fit.epochs[-1].psnr:.1f}", f"{float(image[..., 3].mean()):.3f}"]
            print(f"| {kind} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
