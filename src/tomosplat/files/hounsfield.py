"""Whether values are Hounsfield units: said by the file, seen in the values, or doubted."""

from __future__ import annotations

import os

from tomosplat.errors import UnitsError
from tomosplat.files.header import ScanHeader
from tomosplat.volume import Modality, Unit

#: Air is -1000; a file whose values go below this, and not absurdly far, is in HU.
AIR_HU = -500.0
#: CT that never goes below this shows no air anywhere, not even in the lungs or around the patient.
NO_AIR_HU = -200.0
_LEAST_HU = -8192.0  # scanners fill the corners outside their field of view with values down to here
_MOST_HU = 32767.0


def settle_unit(header: ScanHeader, modality: Modality, low: float, high: float) -> tuple[Unit, tuple[str, ...]]:
    """Decide the unit of a scan whose values run from ``low`` to ``high``, and say why if it had to be guessed."""
    if header.unit is not None:
        return header.unit, ()
    if modality == "CT":
        return "HU", ()
    if modality != "unknown":
        return "arbitrary", ()
    if _LEAST_HU <= low <= AIR_HU and high <= _MOST_HU:
        return "HU", (f"values from {low:g} to {high:g} taken for HU: there is air below {AIR_HU:g}",)
    return "arbitrary", (f"values from {low:g} to {high:g} not taken for HU: there is no air below {AIR_HU:g}",)


def check_hounsfield(low: float, high: float, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Refuse 8-bit values that pass for HU; note when there is no air.

    Raises:
        UnitsError: All values lie in 0..255.
    """
    if low >= 0 and high <= 255:
        raise UnitsError(
            f"{path} is given as HU, but its values run from {low:g} to {high:g}: that is 8-bit data, not Hounsfield "
            "units. Say how to turn it into HU with rescale=(slope, intercept), --rescale SLOPE INTERCEPT (1 0 if it "
            "really is HU), or give it as unit='arbitrary'"
        )
    if low > NO_AIR_HU:
        return (f"HU run from {low:g} to {high:g}: there is no air anywhere, so they may be windowed or shifted",)
    return ()
