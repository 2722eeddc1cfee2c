"""Scenes straight from an optical volume."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tomosplat.errors import EmptySceneError
from tomosplat.gaussians import (
    BlockMoments,
    Light,
    condition_on_direction,
    linear_to_srgb,
    prime,
    shade,
    srgb_to_linear,
    to_matrix,
)
from tomosplat.gaussians.priming import Float32Array, matched_gaussians
from tomosplat.geometry import SH_C0

from .conftest import MakeVolume


def even_light(blocks: BlockMoments) -> Light:
    return Light(np.full_like(blocks.means, 0.3))


def colours(sh: torch.Tensor) -> torch.Tensor:
    return 0.5 + SH_C0 * sh[:, 0]


def seen_from(scene, camera: list[float]) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[no-untyped-def]
    return condition_on_direction(
        scene.means,
        scene.means_dir,
        scene.gains,
        scene.precisions_dir,
        scene.opacities,
        torch.tensor(camera),
        scene.direction_weight,
    )


def test_plain_priming_is_the_papers_form(make_volume: MakeVolume) -> None:
    extinction = np.zeros((4, 4, 4))
    extinction[:2, :2, :2] = -math.log(1 - 0.4) / 1.5
    extinction[2, 2, 2] = -math.log(1 - 0.8) / 1.5
    rgb = np.random.default_rng(0).uniform(size=(4, 4, 4, 3))
    rgb[:2, :2, :2] = (0.9, 0.5, 0.1)
    optical = make_volume(extinction, rgb=rgb)
    scene = prime(optical)
    np.testing.assert_allclose(scene.means, optical.grid.to_world([[0.5] * 3, [2.5] * 3]), rtol=1e-6)
    torch.testing.assert_close(to_matrix(scene.covs), torch.eye(3).repeat(2, 1, 1) * 1.5**2)
    expected = torch.tensor(np.array([[0.9, 0.5, 0.1], rgb[2, 2, 2]]), dtype=torch.float32)
    torch.testing.assert_close(colours(scene.sh), expected)
    # As seen at a right angle to the direction that a Gaussian looks along, the opacity is the voxels' mean.
    weight = math.exp(-0.35 / 9)
    np.testing.assert_allclose(scene.opacities * weight, [0.4, 0.8 / 8], rtol=1e-4)


def entry(covs: np.ndarray, normal: list[float], extinction: float = 0.5) -> BlockMoments:
    """One entry on blocks of 3 mm."""
    one = np.ones(1, np.float32)
    place = np.zeros((1, 3), np.float32)
    normals = np.array([normal], np.float32)
    return BlockMoments(
        place,
        covs[None].astype(np.float32),
        place,
        3 * one,
        extinction * one,
        one,
        place,
        one.astype(np.uint8),
        normals,
    )


@pytest.mark.parametrize(("length", "along"), [(0, 0.5), (0.25, math.sqrt((0.5**2 + 0.7**2) / 2)), (0.8, 0.7)])
def test_full_block_is_a_round_gaussian_that_widens_along_surfaces(length: float, along: float) -> None:
    covs, opacities = matched_gaussians(entry(np.eye(3) * 9 / 12, [0, length, 0]))
    np.testing.assert_allclose(np.sqrt(np.diagonal(covs[0])) / 3, [along, 0.5, along], rtol=1e-5)
    area = 2 * math.pi / 3 * (along**2 + 2 * 0.5 * along) * 9
    np.testing.assert_allclose(opacities, 1 - math.exp(-1.5 * 0.5 * 27 / area), rtol=1e-5)


def test_lit_priming_matches_the_place_and_is_never_thin(make_volume: MakeVolume) -> None:
    extinction = np.zeros((4, 4, 4))
    extinction[0, :2, :2] = 2.0  # a plate, one voxel thick
    optical = make_volume(extinction)
    scene = prime(optical, even_light)
    np.testing.assert_allclose(scene.means[0], optical.grid.to_world([0, 0.5, 0.5]), rtol=1e-6)
    # No narrower than a full block, though it is thin: no gap beside it.
    assert torch.linalg.eigvalsh(to_matrix(scene.covs)[0]).min().sqrt() / 3.0 > 0.499


def test_colour_is_albedo_times_light(make_volume: MakeVolume) -> None:
    scene = prime(make_volume(np.full((2, 2, 2), 1.0)), even_light)
    albedo = ((0.5 + 0.055) / 1.055) ** 2.4
    linear = albedo * 0.3 / (1 - 0.6 * albedo)
    torch.testing.assert_close(colours(scene.sh), torch.full((1, 3), 1.055 * linear ** (1 / 2.4) - 0.055))


def test_colours_can_be_made_anew_from_what_the_scene_keeps(make_volume: MakeVolume) -> None:
    rng = np.random.default_rng(0)
    values = np.kron(rng.uniform(-500, 500, (4, 2, 2)), np.ones((2, 2, 2))).astype(np.float32)
    rgb = np.repeat((values[..., None] + 500) / 1000, 3, axis=3)
    optical = replace(make_volume(np.full((8, 4, 4), 0.8), rgb=rgb), values=values)
    scene = prime(optical, even_light, shading={"functions": {"name": "ramp"}})
    assert scene.values is not None
    assert scene.illumination is not None
    ramp = ((scene.values + 500) / 1000)[:, None].repeat(1, 3).numpy()
    anew = shade(ramp, scene.illumination.numpy(), scene.shading["multiple_scattering"])
    np.testing.assert_allclose(colours(scene.sh), anew, atol=1e-5)
    np.testing.assert_array_equal(scene.shading["bounds_mm"], optical.grid.bounds)
    assert json.loads(json.dumps(scene.shading)) == scene.shading


def test_plain_priming_keeps_values_but_no_light(make_volume: MakeVolume) -> None:
    optical = make_volume(np.full((2, 2, 2), 0.8))
    scene = prime(replace(optical, values=np.full((2, 2, 2), 40, np.float32)))
    assert scene.values is not None
    assert scene.values.tolist() == pytest.approx([40])
    assert scene.illumination is None
    assert scene.shading == {}
    assert prime(optical).values is None


def test_illumination_is_asked_at_the_means_with_outward_normals(make_volume: MakeVolume) -> None:
    asked: list[Float32Array] = []

    def light(blocks: BlockMoments) -> Light:
        asked.extend((blocks.means, blocks.normals))
        return Light(np.zeros_like(blocks.means))

    extinction = np.zeros((16, 16, 16))
    extinction[:8] = 1
    scene = prime(make_volume(extinction), light)
    np.testing.assert_array_equal(asked[0], scene.means)
    face = scene.means[:, 0] > scene.means[:, 0].max() - 0.1
    assert (asked[1][face.numpy(), 0] > 0.5).all()
    # A viewer outside looks against the normal: along means_dir.
    assert (scene.means_dir[face][:, 0] < -0.5).all()
    torch.testing.assert_close(scene.means_dir.norm(dim=1), torch.ones(len(scene)))
    assert (colours(scene.sh).abs() < 1e-6).all()


def test_only_entries_that_are_to_be_kept_get_a_gaussian(make_volume: MakeVolume) -> None:
    def upper(blocks: BlockMoments) -> Light:
        keep = blocks.means[:, 2] > 103
        return Light(np.where(keep[:, None], 0.3, np.nan * np.ones((1, 3))).astype(np.float32), keep)

    optical = make_volume(np.random.default_rng(0).uniform(0, 1, (8, 8, 8)))
    whole, part = prime(optical, even_light), prime(optical, upper)
    kept = whole.select(whole.means[:, 2] > 103)
    assert 0 < len(part) < len(whole)
    assert all(torch.equal(tensor, part.tensors()[name]) for name, tensor in kept.tensors().items())
    with pytest.raises(EmptySceneError, match="none of the 64"):
        prime(optical, lambda blocks: Light(np.zeros_like(blocks.means), np.zeros(len(blocks), bool)))


@pytest.mark.parametrize("lit", [True, False])
def test_scene_looks_alike_from_all_sides(make_volume: MakeVolume, lit: bool) -> None:
    rng = np.random.default_rng(0)
    scene = prime(make_volume(rng.uniform(0, 1, (12, 12, 12))), even_light if lit else None)
    views = [seen_from(scene, camera) for camera in ([900.0, 0, 0], [-900.0, 0, 0], [0, 900.0, 0], [0, 0, -900.0])]
    assert all(torch.equal(means, scene.means) for means, _ in views)
    opacities = torch.stack([opacity for _, opacity in views])
    assert ((opacities.max(dim=0).values / opacities.min(dim=0).values) < 1.2).all()
    assert scene.opacities.min() >= 0
    assert scene.opacities.max() <= 1


def test_thin_slab_dims_as_its_optical_depth_times_the_gain(make_volume: MakeVolume) -> None:
    """Straight through an even slab, the product of (1 − α) over all Gaussians is exp(−1.5 σ L)."""
    sigma = 0.004
    extinction = np.zeros((64, 64, 64))
    extinction[:, :, 24:40] = sigma
    optical = make_volume(extinction)
    scene = prime(optical, even_light)
    offsets = torch.from_numpy(optical.grid.center).float()[:2] - scene.means[:, :2]
    covs = to_matrix(scene.covs)[:, :2, :2]
    distances = (offsets[:, None] @ torch.linalg.inv(covs) @ offsets[:, :, None])[:, 0, 0]
    depth = -torch.log1p(-scene.opacities * torch.exp(-0.5 * distances)).sum().item()
    assert depth == pytest.approx(1.5 * sigma * 16 * 1.5, rel=0.05)


def test_names_and_provenance_are_kept(make_volume: MakeVolume) -> None:
    labels = np.full((2, 2, 2), 5)
    scene = prime(
        make_volume(np.ones((2, 2, 2)), labels),
        even_light,
        label_names={5: "liver", 6: "stomach"},
        provenance={"rig": "studio"},
    )
    assert scene.label_names == {5: "liver"}
    assert scene.provenance["rig"] == "studio"
    assert scene.provenance["priming"] == "lit moments"
    json.dumps(dict(scene.provenance))


@pytest.mark.parametrize("illumination", [None, even_light])
def test_nothing_visible_is_refused(make_volume: MakeVolume, illumination) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EmptySceneError, match="0 of 64 voxels"):
        prime(make_volume(np.zeros((4, 4, 4))), illumination)
    with pytest.raises(EmptySceneError, match="64 of 64 voxels"):
        prime(make_volume(np.full((4, 4, 4), 1e-9)), illumination)


def test_srgb_curves_are_each_others_inverse() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=2e-6)
    np.testing.assert_allclose(srgb_to_linear([0.5]), 0.2140411, rtol=1e-5)


def test_white_matter_under_white_light_stays_finite_and_ordered() -> None:
    greys = np.repeat(np.linspace(0, 1, 20, dtype=np.float32)[:, None], 3, axis=1)
    seen = shade(greys, np.full((20, 3), 0.2, np.float32), 0.6)
    assert np.isfinite(seen).all()
    assert (np.diff(seen[:, 0]) >= 0).all()
    assert seen[0, 0] == 0
