"""Gaussians fitted to slices: what they show, where, and what the loop promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.slices.moving import stack

from tomosplat.errors import DivergedError, FileFormatError, InputError, UnitsError
from tomosplat.geometry import SlicePlane
from tomosplat.slices import SliceStack, TrackedFrames
from tomosplat.slices.fit_settings import SliceFitSettings, innergs_settings
from tomosplat.slices.fit_states import fingerprint, load_state, save_state
from tomosplat.slices.gaussian_fit import begin_fit, fit_model, fit_slices, slice_loss
from tomosplat.slices.gaussian_methods import show_at
from tomosplat.slices.scene_files import read_slice_scene, write_slice_scene
from tomosplat.slices.targets import SliceTarget, any_slices, crossfade, gaps_mm
from tomosplat.slices.triplane import TriplaneModel

SHORT = SliceFitSettings(iterations=80, evaluate_every=40)


def rms(shown, truth):
    return float(np.sqrt(np.mean((shown - truth) ** 2)))


def fit(task, settings, **more):
    sampler = any_slices(task.given, task.between, settings.given_per_step, settings.between_per_step)
    return fit_model(task.model, sampler, task.given, settings, **more)


@pytest.fixture(scope="module")
def whole():
    return stack()


@pytest.fixture(scope="module")
def given(whole):
    return whole.subset(range(0, 13, 4))


@pytest.fixture(scope="module")
def fitted(given):
    return fit_slices(given, [], SHORT)


def test_a_fit_shows_the_given_slices_in_the_scans_own_values(given, fitted):
    values, labels = show_at(fitted, given, given.positions)
    assert rms(values, given.values) < 25  # of 1000
    assert labels is None


def test_what_is_asked_of_the_gaps_is_shown_there(whole, given, fitted):
    between = whole.subset([k for k in range(12) if k % 4])
    alone, _ = show_at(fitted, given, between.positions)
    asked, _ = show_at(fit_slices(given, [(between, 1.0)], SHORT), given, between.positions)
    assert rms(asked, between.values) < 0.6 * rms(alone, between.values)


def test_a_weight_is_a_factor_on_the_loss(given):
    task = begin_fit([given], [], SHORT)
    (image,) = task.model.render(task.given[1:2])
    whole, half = (float(slice_loss(image, replace(task.given[1], weight=w), SHORT).detach()) for w in (1.0, 0.5))
    assert whole > 0
    assert half == pytest.approx(0.5 * whole)


def test_stacks_of_two_directions_are_fitted_as_one(whole):
    axial = whole.subset(range(0, 13, 6))
    # u of the new slices runs along rows of the old, v along its slices.
    affine = whole.affine[:, [1, 2, 0, 3]]
    values = np.ascontiguousarray(whole.values.transpose(2, 0, 1))
    sagittal = SliceStack(values, affine, np.arange(34, dtype=np.float64))
    both = fit_slices([axial, sagittal.subset(range(0, 34, 3))], [], replace(SHORT, iterations=100))
    alone = fit_slices(axial, [], SHORT)
    at = np.array([3.0, 9.0])
    truth = whole.values[[3, 9]]
    assert rms(show_at(both, whole, at)[0], truth) < 0.7 * rms(show_at(alone, whole, at)[0], truth)


def test_frames_of_a_sweep_are_fitted_where_they_are(whole):
    """Frames fanned out around a line, as a probe that is tilted makes them."""
    planes = whole.planes[::3].copy()
    for n, plane in enumerate(planes):
        tilt = np.radians(4 * (n - 2))
        plane[:3, 1] = (0, 1.2 * np.cos(tilt), 1.2 * np.sin(tilt))
        plane[:3, 2] = (0, -np.sin(tilt), np.cos(tilt))
    sweep = TrackedFrames(whole.values[::3], planes)
    scene = fit_slices(sweep, [], SHORT)
    shown = np.stack([image[..., 0] for image in scene.images(scene.planes)])
    assert rms(shown, sweep.values) < 40  # of 1000


def test_labels_come_back(whole):
    labelled = stack(labelled=True).subset(range(0, 13, 4))
    scene = fit_slices(labelled, [], replace(SHORT, iterations=120, semantic_weight=0.5))
    _, labels = show_at(scene, labelled, labelled.positions)
    assert set(np.unique(labels)) <= {0, 1, 7}
    for label in (1, 7):
        overlap = np.sum((labels == label) & (labelled.labels == label))
        assert 2 * overlap > 0.9 * (np.sum(labels == label) + np.sum(labelled.labels == label))


def test_labels_as_colours_come_back():
    labelled = stack(labelled=True).subset(range(0, 13, 4))
    settings = replace(SHORT, iterations=120, semantic_weight=1.0)
    task = begin_fit([labelled], [], settings, coloured=True)
    scene = task.scene(fit(task, settings), {})
    assert scene.values.shape[1] == 4
    _, labels = show_at(scene, labelled, labelled.positions)
    assert np.mean(labels == labelled.labels) > 0.97


def test_a_fit_goes_on_from_a_saved_state_to_the_bit(given, tmp_path):
    settings = SliceFitSettings(iterations=12, evaluate_every=6)
    path = tmp_path / "state.safetensors"

    def save_half(state):
        if state.iteration == 6 and not path.exists():
            save_state(path, state, "this fit")

    straight = begin_fit([given], [], settings)
    fit(straight, settings, on_look=save_half)
    resumed = begin_fit([given], [], settings)
    state = load_state(path, resumed.model, settings, "this fit")
    assert state.iteration == 6
    fit(resumed, settings, state=state)
    for (name, one), other in zip(straight.model.named_parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other), name
    with pytest.raises(InputError, match="another"):
        load_state(path, resumed.model, settings, "another fit")


def test_fits_differ_by_what_they_begin_with(given):
    one, other = begin_fit([given], [], SHORT), begin_fit([given], [], SHORT)
    assert fingerprint(one.model, SHORT, {}) == fingerprint(other.model, SHORT, {})
    assert fingerprint(one.model, SHORT, {}) != fingerprint(one.model, replace(SHORT, seed=1), {})
    assert fingerprint(one.model, SHORT, {}) != fingerprint(one.model, SHORT, {"gap": "motion"})


def test_a_fit_that_runs_away_names_the_parameter(given):
    task = begin_fit([given], [], SHORT)
    with torch.no_grad():
        task.model.log_scales[5, 1] = torch.nan
    with pytest.raises(DivergedError, match="log_scales"):
        fit(task, SHORT)


def test_a_turned_body_is_fitted_alike(given, fitted):
    turn = np.eye(4)
    turn[:3, :3] = [[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]
    turn[:3, 3] = (40, 5, -9)
    turned = replace(given, affine=turn @ given.affine)
    values, _ = show_at(fit_slices(turned, [], SHORT), turned, given.positions)
    straight, _ = show_at(fitted, given, given.positions)
    assert rms(values, straight) < 12


def test_scenes_survive_their_file(fitted, tmp_path):
    path = tmp_path / "scene.safetensors"
    write_slice_scene(path, fitted)
    read = read_slice_scene(path)
    plane = fitted.planes[1]
    np.testing.assert_array_equal(next(read.images([plane])), next(fitted.images([plane])))
    assert read.provenance["slice_fit"]["iterations"] == 80
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FileFormatError):
        read_slice_scene(path)


def test_the_triplane_begins_as_plain_gaussians_and_learns(given):
    plain = begin_fit([given], [], SHORT)
    modulated = begin_fit([given], [], SHORT, make=TriplaneModel)
    places = plain.given[:2]
    for one, other in zip(plain.model.render(places), modulated.model.render(places), strict=True):
        torch.testing.assert_close(one.values, other.values)
    first = modulated.model.planes.detach().clone()
    state = fit(modulated, SHORT)
    assert not torch.equal(first, modulated.model.planes)
    scene = modulated.scene(state, {})
    assert rms(show_at(scene, given, given.positions)[0], given.values) < 30


def test_innergs_runs_as_published(given):
    settings = replace(innergs_settings(17, iterations=6), most=2000)
    task = begin_fit([given], [], settings)
    state = fit(task, settings)
    assert len(task.model.means) == 2000
    assert state.looks[-1].psnr > state.looks[0].psnr


def test_a_crossfade_lies_between(given):
    task = begin_fit([given], [], SHORT)
    a, b = task.given[:2]
    middle = crossfade(a, b, 0.25)
    torch.testing.assert_close(middle.image, 0.75 * a.image + 0.25 * b.image)
    np.testing.assert_allclose(middle.plane.affine, given.planes_at(np.array([1.0]))[0])


def test_gaps_are_millimetres_across(given):
    np.testing.assert_allclose(gaps_mm(given), 8.0)
    assert gaps_mm(replace(given, positions=np.array([0.0, 1, 4, 5])))[1] == pytest.approx(4.0)


def test_bad_slices_are_refused(given):
    with pytest.raises(InputError, match="no slices"):
        begin_fit([], [], SHORT)
    plane = SlicePlane(given.planes[0], 30, 34)
    with pytest.raises(UnitsError, match="NaN"):
        SliceTarget(plane, torch.full((30, 34, 1), torch.nan))
    with pytest.raises(InputError, match="iterations"):
        SliceFitSettings(iterations=-1)
