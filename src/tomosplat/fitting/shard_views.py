"""Pictures of a dataset's case as views."""

from __future__ import annotations

import numpy as np
import torch

from tomosplat.files.shards import Shard
from tomosplat.fitting.views import View
from tomosplat.gaussians import linear_to_srgb
from tomosplat.geometry import Cameras


def shard_view(shard: Shard, look: str, index: int) -> View:
    """One picture of a look (visible set, transfer functions and rig: ``all/seen/studio``), encoded to sRGB."""
    shown = look.split("/")[0]
    linear = shard.part(f"{look}/rgba", index, index + 1)[0].astype(np.float32)
    height, width = linear.shape[:2]
    cameras = Cameras(
        shard[f"{shown}/viewmats"][index : index + 1], shard[f"{shown}/Ks"][index : index + 1], width, height
    )
    encoded = np.concatenate([linear_to_srgb(linear[..., :3]), linear[..., 3:].clip(0, 1)], axis=-1)
    return View(cameras, torch.from_numpy(encoded))
