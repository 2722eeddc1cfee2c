"""Where a verb computes: what ``--device`` means, told in the report."""

from __future__ import annotations

import torch

from tomosplat.render import Device, choose_device, describe_device
from tomosplat.report import Report


def device_for(device: Device, report: Report) -> torch.device:
    """The device that is meant, noted in the report.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
    """
    chosen = choose_device(device)
    report.facts["device"] = describe_device(chosen)
    return chosen
