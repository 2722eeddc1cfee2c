"""A 1-D network that fills the gap between samples of a line from four of them and their neighbours beside the line."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tomosplat.errors import ShapeError

#: Samples along the line that are seen: two before the gap and two behind it.
N_SEEN = 4


class LineNetwork(nn.Module):
    """Residuals over linear interpolation at fixed places in a gap; convolutions run across the lines.

    Lines of an image that are sampled coarsely teach it what lies between coarse samples (the self-supervision of
    SMORE, Zhao et al. 2021, in one dimension). It begins at zero, so an untrained network is linear interpolation.

    Args:
        n_places: Places in the gap.
        width: Channels.
        depth: Convolutions.
        kernel: Samples across that each of them sees.
    """

    def __init__(self, n_places: int, width: int = 48, depth: int = 6, kernel: int = 5) -> None:
        super().__init__()
        edge = kernel // 2
        self.first = nn.Conv1d(N_SEEN + 1, width, kernel, padding=edge)
        self.blocks = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=edge) for _ in range(depth - 2))
        self.last = nn.Conv1d(width, n_places, kernel, padding=edge)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, seen: Tensor, doubled: bool) -> Tensor:
        """Residuals in the gap between the second and the third sample.

        Args:
            seen: [B, 4, L] samples of L neighbouring lines, evenly spaced along them.
            doubled: Whether samples are twice as far apart as in the gaps to be filled.

        Returns:
            [B, n_places, L].

        Raises:
            ShapeError: ``seen`` is not [B, 4, L].
        """
        if seen.ndim != 3 or seen.shape[1] != N_SEEN:
            raise ShapeError(f"seen must be [B, {N_SEEN}, L], got {tuple(seen.shape)}")
        middle = seen[:, 1:3].mean(dim=1, keepdim=True)
        flag = torch.full_like(middle, float(doubled))
        x = torch.relu(self.first(torch.cat([seen - middle, flag], dim=1)))
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return self.last(x)  # type: ignore[no-any-return]
