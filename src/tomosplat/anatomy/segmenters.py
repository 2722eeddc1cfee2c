"""Segmenters by one protocol, and TotalSegmentator behind it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tomosplat.anatomy.labels import check_labels
from tomosplat.errors import DependencyError, LabelError, UnitsError
from tomosplat.geometry import Grid
from tomosplat.report import Progress
from tomosplat.volume import LabelMap, Volume


class Segmenter(Protocol):
    """Finds the organs of a scan."""

    def __call__(self, volume: Volume, progress: Progress | None = None) -> LabelMap:
        """Return labels of the label table on the volume's grid."""
        ...


# Task "total" of TotalSegmentator v2: its full models at 1.5 mm, and the one at 3 mm.
_FULL_DATASETS = (291, 292, 293, 294, 295)
_FAST_DATASETS = (297,)


class TotalSegmentatorSegmenter:
    """TotalSegmentator v2, task "total": labels 1 to 117.

    Needs the extra ``tomosplat[segment]``. Its weights are looked for on this machine; nothing is downloaded unless
    asked. Its usage statistics are switched off in its own configuration.

    Attributes:
        fast: Use the 3 mm model: quicker and coarser.
        device: "gpu", "gpu:1", "mps" or "cpu"; without a GPU it runs on the CPU.
        allow_download: Let TotalSegmentator fetch weights that are missing.
    """

    def __init__(self, *, fast: bool = False, device: str = "gpu", allow_download: bool = False) -> None:
        self.fast = fast
        self.device = device
        self.allow_download = allow_download

    def __call__(self, volume: Volume, progress: Progress | None = None) -> LabelMap:
        """Return organ labels on the volume's grid.

        Raises:
            UnitsError: The volume is not in HU.
            DependencyError: TotalSegmentator or its weights are not installed.
            LabelError: What TotalSegmentator returned is not on the volume's grid.
        """
        if volume.unit != "HU":
            raise UnitsError(
                f"TotalSegmentator's task total is for CT in HU, but the volume's values are {volume.unit}; "
                "rescale them to HU or give labels"
            )
        if progress:
            progress(0, 1)
        # It prints even when told to be quiet.
        with contextlib.redirect_stdout(io.StringIO()):
            labels = self._segment(volume)
        if progress:
            progress(1, 1)
        return labels

    def _segment(self, volume: Volume) -> LabelMap:
        api, config, nibabel = _import_totalsegmentator()
        if not self.allow_download:
            self._require_weights(Path(config.get_weights_dir()))
        config.setup_totalseg()
        config.set_config_key("send_usage_stats", False)
        image = nibabel.Nifti1Image(volume.values, volume.grid.affine)
        image.header.set_xyzt_units("mm")
        result = api.totalsegmentator(
            image, None, task="total", fast=self.fast, device=self.device, quiet=True, skip_saving=True
        )
        values = np.asanyarray(result.dataobj)
        if values.shape != volume.grid.shape or not Grid(values.shape, result.affine).matches(volume.grid):
            raise LabelError(
                f"TotalSegmentator returned labels on another grid: {values.shape} at {result.affine.tolist()}, "
                f"expected {volume.grid.shape} at {volume.grid.affine.tolist()}"
            )
        mode = "fast" if self.fast else "full"
        return check_labels(LabelMap(values, volume.grid, history=(f"organs segmented by TotalSegmentator ({mode})",)))

    def _require_weights(self, folder: Path) -> None:
        datasets = _FAST_DATASETS if self.fast else _FULL_DATASETS
        missing = [f"Dataset{n}" for n in datasets if not any(folder.glob(f"Dataset{n}_*/*"))]
        if missing:
            task = "total_fast" if self.fast else "total"
            raise DependencyError(
                f"TotalSegmentator's weights are not on this machine: {', '.join(missing)} missing in {folder}. "
                f"With a network, fetch them with: totalseg_download_weights -t {task}. Without one, fetch them "
                "elsewhere and copy the folder here, unpack release files with totalseg_import_weights -i FILE.zip, "
                "or point TOTALSEG_WEIGHTS_PATH at a copy"
            )


def _import_totalsegmentator() -> tuple[Any, Any, Any]:
    """The modules of the optional packages: TotalSegmentator's API and configuration, and nibabel."""
    try:
        import nibabel
        from totalsegmentator import config, python_api
    except ImportError as error:
        raise DependencyError(
            f"segmenting with TotalSegmentator needs an optional package ({error}); "
            "install it with: pip install 'tomosplat[segment]', or use the built-in tissue segmenter"
        ) from error
    return python_api, config, nibabel
