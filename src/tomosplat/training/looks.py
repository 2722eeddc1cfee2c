"""What the network learns from in the first stage: what fits to a dataset's pictures change in the primed scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.anatomy import GROUP_OF_LABEL, VISIBLE_SETS
from tomosplat.errors import InputError
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.files.atomic import make_folder
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.fitting import DensityControl, FitSettings, LearningRates, View, fit
from tomosplat.fitting.shard_views import shard_view
from tomosplat.gaussians import GaussianScene, prime, srgb_to_linear, to_matrix
from tomosplat.geometry import SH_C0, Grid
from tomosplat.jobs import hash_data
from tomosplat.lighting import LightRig
from tomosplat.render import blended_sums
from tomosplat.report import Progress
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume import LabelMap, OpticalVolume, Volume

#: Changes whenever looks fitted before are not what would be fitted now.
LOOK_VERSION = 4
#: Only what the first stage teaches is fitted, so that nothing else takes part of the blame.
_RATES = LearningRates(means=0, shears=0, opacity_logits=0, sh_view=0)
_STEPS_PER_VIEW = 12
#: Darker than this there is no ratio of light, and changes beyond these factors are the noise of a few pixels.
_DARK, _MOST_LIGHT, _MOST_SWELLING = 1e-3, np.log(4), np.log(2)


@dataclass(frozen=True)
class Look:
    """One way in which a dataset shows a case.

    Attributes:
        case: Id of the case.
        name: Visible set, transfer functions and rig, as ``all/seen/studio``.
        functions: Colours.
        rig: Light.
    """

    case: str
    name: str
    functions: TransferFunctions
    rig: LightRig

    @classmethod
    def of(cls, case: str, shard: Shard, name: str) -> Look:
        """A look of a case's shard."""
        _, tf, rig = name.split("/")
        functions = TransferFunctions.from_dict(shard.description["transfer_functions"][tf])
        return cls(case, name, functions, LightRig.from_dict(rig, shard.description["rigs"][rig]))

    def optical(self, volume: Volume, labels: LabelMap) -> OpticalVolume:
        """The case, or a part of it, as this look shows it."""
        visible = VISIBLE_SETS[self.name.split("/")[0]]
        return apply_transfer(volume, labels, self.functions, GROUP_OF_LABEL, visible=visible)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form."""
        rig = {"name": self.rig.name, **self.rig.to_dict()}
        return {"case": self.case, "name": self.name, "functions": self.functions.to_dict(), "rig": rig}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Look:
        """Read what ``to_dict`` made."""
        rig = {key: value for key, value in data["rig"].items() if key != "name"}
        functions = TransferFunctions.from_dict(data["functions"])
        return cls(data["case"], data["name"], functions, LightRig.from_dict(data["rig"]["name"], rig))


def case_of(shard: Shard, first: int = 0, last: int | None = None) -> tuple[Volume, LabelMap]:
    """Values and labels of a case's slices ``first`` to ``last`` (not included) along i."""
    last = shard.shape("values")[0] if last is None else last
    values, ids = shard.part("values", first, last), shard.part("labels", first, last)
    affine = np.array(shard["affine"])
    affine[:3, 3] += first * affine[:3, 0]
    grid = Grid((values.shape[0], values.shape[1], values.shape[2]), affine)
    return Volume(values.astype(np.float32), grid, "HU", "CT"), LabelMap(ids, grid)


def looks_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Case and name of each look of a dataset, all cases in turn.

    Raises:
        InputError: There is none.
    """
    looks = [(name, case) for case, entry in manifest.cases.items() for name in entry.facts["looks"]]
    if not looks:
        raise InputError(f"{manifest.folder} has no pictures to learn from; make some with tomosplat prepare")
    order = {case: index for index, case in enumerate(manifest.cases)}
    return [(case, name) for name, case in sorted(looks, key=lambda look: (look[0], order[look[1]]))]


def shown_pictures(shard: Shard, name: str) -> NDArray[np.int64]:
    """Which pictures of a look are not held out.

    Raises:
        InputError: None is.
    """
    shown = np.flatnonzero(~shard[f"{name.split('/')[0]}/held_out"])
    if not len(shown):
        raise InputError(f"all pictures {name} are held out; prepare more views")
    return shown


def fit_looks(manifest: Manifest, folder: Path, progress: Progress) -> list[Path]:
    """Fit the looks of a dataset that are not in ``folder`` yet; the files of all.

    A look that was fitted of another shard or by another version is fitted anew.

    Raises:
        InputError: The dataset has no pictures, or too few of a look.
        OutputError: A file could not be written.
    """
    wanted = looks_of(manifest)
    make_folder(folder)
    paths = []
    for done, (case, name) in enumerate(wanted):
        path = folder / f"{case}.{name.replace('/', '.')}.safetensors"
        origin = hash_data([LOOK_VERSION, manifest.cases[case].sha256, name])
        if path.exists() and Shard(path).description.get("origin") != origin:
            path.unlink()
        if not path.exists():
            shard = manifest.open(case, check=False)
            _fit(Look.of(case, shard, name), shard, path, origin)
        paths.append(path)
        progress(done + 1, len(wanted))
    return paths


def _fit(look: Look, shard: Shard, path: Path, origin: str) -> None:
    """Fit colour and size of a look's Gaussians to its pictures, and write what that changed.

    ``places`` [N, 3] int16 voxels of the half-resolution grid, ``features`` [N, 5] light channels, ``marched`` [N, 3]
    linear RGB that the Gaussians scatter, ``light`` [N, 3] logarithm of the factor on it, ``swelling`` [N] that on
    their standard deviations, ``pixels`` [N] that each covered in all pictures, weighted as it was blended.
    """
    optical = look.optical(*case_of(shard))
    march = MarchedLight(optical, look.rig)
    scene = prime(optical, march)
    views = [shard_view(shard, look.name, int(index)) for index in shown_pictures(shard, look.name)]
    steps = _STEPS_PER_VIEW * len(views)
    never = DensityControl(every=steps + 1)
    settings = FitSettings(iterations=steps, model="3dgs", rates=_RATES, density=never, evaluate_every=steps)
    fitted, pixels = fit(scene, views, settings).result(), _pixels(scene, views)
    shown = pixels > 0  # what no picture showed at first is not known, even if it grew into one
    arrays: dict[str, NDArray[Any]] = {
        "places": places_of(optical.grid, scene.means.numpy()).astype(np.int16),
        "features": march.features.astype(np.float16),
        "marched": march.radiance.astype(np.float16),
        "light": (light_factor(march.radiance, fitted) * shown[:, None]).astype(np.float16),
        "swelling": (swelling(scene, fitted).numpy() * shown).astype(np.float16),
        "pixels": pixels.astype(np.float16),
    }
    description = {"origin": origin, **look.to_dict()}
    write_shard(path, {name: Stack.of(array) for name, array in arrays.items()}, description)


def light_factor(radiance: NDArray[np.float32], fitted: GaussianScene) -> NDArray[np.float32]:
    """Logarithm of the factor from radiance to what the fitted Gaussians show, [N, 3]; within ± log 4."""
    shown = srgb_to_linear((0.5 + SH_C0 * fitted.sh[:, 0]).clamp(0, 1).numpy())
    change = np.log(np.maximum(shown, _DARK)) - np.log(np.clip(radiance, _DARK, 1))
    within: NDArray[np.float32] = np.clip(change, -_MOST_LIGHT, _MOST_LIGHT).astype(np.float32)
    return within


def swelling(scene: GaussianScene, fitted: GaussianScene) -> Tensor:
    """Logarithm of the factor on the standard deviations, their geometric mean, [N]; within ± log 2."""
    change = (torch.logdet(to_matrix(fitted.covs)) - torch.logdet(to_matrix(scene.covs))) / 6
    return change.clamp(-_MOST_SWELLING, _MOST_SWELLING)


def _pixels(scene: GaussianScene, views: list[View]) -> NDArray[np.float64]:
    """Pixels that each Gaussian covers, [N]."""
    covered = np.zeros(len(scene))
    for view in views:
        ones = torch.ones(1, *view.rgba.shape[:2], 3)
        covered += blended_sums(scene, view.camera, ones)[:, 0].numpy()
    return np.minimum(covered, np.finfo(np.float16).max)
