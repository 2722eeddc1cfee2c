"""A volume encoded by a trained renderer, to be drawn from anywhere."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.dvr.checkpoints import TrainedRenderer
from tomosplat.dvr.march import March
from tomosplat.geometry import Cameras
from tomosplat.volume import Volume


class EncodedVolume:
    """What no camera changes of a volume, computed once.

    Args:
        trained: The renderer.
        volume: A scan of the values that it was trained with.

    Raises:
        UnitsError: The volume has another unit or another range.
    """

    def __init__(self, trained: TrainedRenderer, volume: Volume) -> None:
        self._trained, self._grid = trained, volume.grid
        trained.model.eval()
        with torch.no_grad():
            self._encoded = trained.model.encode(trained.values.normalised(volume))

    def draw(self, cameras: Cameras, rate: float | None = None) -> Tensor:
        """Pictures [C, H, W, 4] of colour over black and opacity.

        Args:
            cameras: One picture for each.
            rate: Samples per voxel edge; None as the renderer was trained.
        """
        march = March(self._trained.rate if rate is None else rate, self._trained.settings.associated)
        with torch.no_grad():
            pictures: Tensor = self._trained.model.draw(self._encoded, self._grid, cameras, march)
        return pictures
