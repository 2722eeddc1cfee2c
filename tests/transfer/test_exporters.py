"""What other programs are given says what we draw: read back by our importers, which say how those programs read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.transfer.exporters import to_paraview_json, to_slicer_vp
from tomosplat.transfer.importers import from_paraview_json, from_slicer_vp

POINTS = [
    [-300.0, 0.2, 0.4, 0.9, 0.0],
    [-100.0, 0.2, 0.4, 0.9, 0.3],
    [0.0, 0.9, 0.1, 0.1, 0.02],
    [100.0, 0.9, 0.1, 0.1, 0.02],
    [100.0, 1.0, 1.0, 0.8, 0.7],
    [900.0, 1.0, 1.0, 1.0, 0.95],
]
FUNCTIONS = TransferFunctions.uniform(TransferFunction(np.array(POINTS)), "test")
ROUND_TRIPS: list[Callable[[TransferFunctions], TransferFunctions]] = [
    lambda functions: from_slicer_vp(to_slicer_vp(functions)),
    lambda functions: from_paraview_json(to_paraview_json(functions)),
]


@pytest.mark.parametrize("round_trip", ROUND_TRIPS, ids=["slicer", "paraview"])
def test_a_function_comes_back_from_others_as_it_was(
    round_trip: Callable[[TransferFunctions], TransferFunctions],
) -> None:
    values = np.concatenate([np.linspace(-400, 99.5, 400), np.linspace(100.5, 1000, 300)])
    wanted = FUNCTIONS.functions[1](values)
    found = round_trip(FUNCTIONS).functions[1](values)
    np.testing.assert_allclose(found[:, 3], wanted[:, 3], atol=2e-3)
    np.testing.assert_allclose(found[:, :3] * found[:, 3:], wanted[:, :3] * wanted[:, 3:], atol=1e-2)


@pytest.mark.parametrize("write", [to_slicer_vp, to_paraview_json])
def test_functions_that_differ_between_organs_are_refused(write: Callable[[TransferFunctions], str]) -> None:
    with pytest.raises(TransferFunctionError, match="one for all"):
        write(TransferFunctions.preset("seen"))
