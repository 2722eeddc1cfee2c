import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.errors import GeometryError
from tomosplat.geometry import Cameras, fibonacci_directions, frame_bounds, intrinsics, look_at, sphere_directions

COORDINATES = st.tuples(*[st.floats(-500, 500)] * 3)
BOX = (np.array([-100.0, -80.0, -200.0]), np.array([100.0, 120.0, 50.0]))


def project(cameras: Cameras, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel positions [C, N, 2] and depths [C, N] of world points [N, 3]."""
    local = np.einsum("cij,nj->cni", cameras.viewmats[:, :3, :3], points) + cameras.viewmats[:, None, :3, 3]
    pixels = np.einsum("cij,cnj->cni", cameras.Ks, local)
    return pixels[..., :2] / pixels[..., 2:], local[..., 2]


def seen_from(azimuth: float, elevation: float, points: list[list[float]]) -> np.ndarray:
    """Pixel offsets from the middle of the image, [N, 2], x to the right and y down."""
    cameras = frame_bounds(BOX, sphere_directions(azimuth, elevation), 200, 200)
    center = (BOX[0] + BOX[1]) / 2
    return project(cameras, center + np.array(points))[0][0] - 100


LEFT, RIGHT, FRONT, BACK, HEAD, FEET = [-9, 0, 0], [9, 0, 0], [0, 9, 0], [0, -9, 0], [0, 0, 9], [0, 0, -9]


@pytest.mark.parametrize(
    ("azimuth", "elevation", "on_the_right", "on_top"),
    [
        (0, 0, LEFT, HEAD),  # from the front the patient's left is on the right, as radiologists are used to
        (90, 0, BACK, HEAD),
        (180, 0, RIGHT, HEAD),
        (270, 0, FRONT, HEAD),
        (0, 90, RIGHT, FRONT),
        (0, -90, LEFT, FRONT),
    ],
)
def test_azimuth_and_elevation_show_the_side_that_the_conventions_say(azimuth, elevation, on_the_right, on_top):
    (right_x, right_y), (top_x, top_y) = seen_from(azimuth, elevation, [on_the_right, on_top])
    assert right_x > 1
    assert top_y < -1
    np.testing.assert_allclose([right_y, top_x], 0, atol=1e-6)


@given(azimuth=st.floats(-720, 720), elevation=st.floats(-90, 90))
def test_the_head_is_never_below_the_middle(azimuth, elevation):
    assert seen_from(azimuth, elevation, [HEAD])[0, 1] <= 1e-6


@given(eye=COORDINATES, target=COORDINATES)
def test_look_at_puts_the_target_straight_ahead(eye, target):
    distance = np.linalg.norm(np.subtract(target, eye))
    if distance < 1e-3:
        return
    viewmat = look_at(eye, target)[0]
    np.testing.assert_allclose(viewmat @ [*target, 1], [0, 0, distance, 1], atol=1e-6)
    np.testing.assert_allclose(viewmat @ [*eye, 1], [0, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(viewmat[:3, :3] @ viewmat[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(viewmat[:3, :3]) > 0
    cameras = Cameras(viewmat[None], intrinsics(1, 8, 8, 30), 8, 8)
    np.testing.assert_allclose(cameras.positions[0], eye, atol=1e-6)


def test_a_camera_on_its_target_is_refused():
    with pytest.raises(GeometryError, match="where it stands"):
        look_at([[1, 2, 3], [4, 5, 6]], [4, 5, 6])


@given(
    low=COORDINATES,
    size=st.tuples(*[st.floats(1, 600)] * 3),
    width=st.integers(16, 900),
    height=st.integers(16, 900),
    fov_deg=st.floats(5, 90),
    seed=st.integers(0, 1000),
)
def test_every_camera_sees_every_corner_of_the_box_and_none_stands_too_far(low, size, width, height, fov_deg, seed):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(6, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    bounds = (np.array(low), np.array(low) + size)
    cameras = frame_bounds(bounds, directions, width, height, fov_deg)
    corners = np.stack(np.meshgrid(*zip(*bounds, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
    pixels, depths = project(cameras, corners)
    assert np.all(depths > 0)
    assert np.all(pixels > 0)
    assert np.all(pixels < [width, height])
    center = (bounds[0] + bounds[1]) / 2
    distances = np.linalg.norm(cameras.positions - center, axis=1)
    np.testing.assert_allclose(distances, distances[0])
    nearer = look_at(center + 0.95 * (cameras.positions - center), center)
    pixels, depths = project(Cameras(nearer, cameras.Ks, width, height), corners)
    assert np.any((depths <= 0) | np.any((pixels < 0) | (pixels > [width, height]), axis=-1))


def test_framing_without_directions_is_refused():
    with pytest.raises(GeometryError, match="points and directions"):
        frame_bounds(BOX, np.zeros((0, 3)), 8, 8)


@given(width=st.integers(2, 2000), height=st.integers(2, 2000), fov_deg=st.floats(1, 160))
def test_the_smaller_side_spans_the_field_of_view(width, height, fov_deg):
    K = intrinsics(1, width, height, fov_deg)[0]
    angle = 2 * np.arctan(min(width, height) / 2 / K[0, 0])
    assert np.degrees(angle) == pytest.approx(fov_deg)
    assert (K[0, 2], K[1, 2]) == (width / 2, height / 2)
    assert K[0, 0] == K[1, 1]


@pytest.mark.parametrize("fov_deg", [0, -10, 170, float("nan")])
def test_impossible_fields_of_view_are_refused(fov_deg):
    with pytest.raises(GeometryError, match="field of view"):
        intrinsics(1, 8, 8, fov_deg)


@given(n=st.integers(1, 300))
def test_fibonacci_directions_are_unit_spread_and_off_the_poles(n):
    directions = fibonacci_directions(n)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.abs(directions[:, 2]).max() < 0.85
    if n > 1:
        cosines = directions @ directions.T - 2 * np.eye(n)
        nearest = np.arccos(np.clip(cosines.max(axis=1), -1, 1))
        # No two share a place: evenly spread points have about this much room each.
        assert nearest.min() > 0.4 * np.sqrt(4 * np.pi * 0.85 / n)


@given(seed=st.integers(0, 1000), n=st.integers(0, 4))
def test_cameras_survive_json_exactly(seed, n):
    rng = np.random.default_rng(seed)
    viewmats = look_at(rng.normal(size=(n, 3)) * 300, (0, 0, 0)) if n else np.zeros((0, 4, 4))
    cameras = Cameras(viewmats, intrinsics(n, 640, 480, 33.3), 640, 480)
    again = Cameras.from_dict(json.loads(json.dumps(cameras.to_dict())))
    np.testing.assert_array_equal(again.viewmats, cameras.viewmats)
    np.testing.assert_array_equal(again.Ks, cameras.Ks)
    assert (again.width, again.height, len(again)) == (640, 480, n)


def test_a_slice_of_cameras_is_cameras():
    cameras = frame_bounds(BOX, fibonacci_directions(5), 8, 8)
    np.testing.assert_array_equal(cameras[1:3].viewmats, cameras.viewmats[1:3])
    np.testing.assert_array_equal(cameras[[4, 0]].viewmats, cameras.viewmats[[4, 0]])


SCALED = np.diag([2.0, 2.0, 2.0, 1.0])
MIRRORED = np.diag([-1.0, 1.0, 1.0, 1.0])
K = np.array([[10.0, 0, 4], [0, 10, 4], [0, 0, 1]])


@pytest.mark.parametrize(
    ("viewmats", "Ks", "size", "message"),
    [
        (np.eye(4), K[None], (8, 8), r"viewmats \[C, 4, 4\]"),
        (np.eye(4)[None], np.stack([K, K]), (8, 8), r"with one C"),
        (np.eye(4)[None], K[None], (0, 8), "at least 1x1"),
        (np.eye(4)[None] * np.nan, K[None], (8, 8), "must be finite"),
        (SCALED[None], K[None], (8, 8), "must hold rotations"),
        (MIRRORED[None], K[None], (8, 8), "must not mirror"),
        (np.eye(4)[None], -K[None], (8, 8), "must be positive"),
    ],
)
def test_what_is_no_camera_is_refused(viewmats, Ks, size, message):
    with pytest.raises(GeometryError, match=message):
        Cameras(viewmats, Ks, *size)


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"width": 8, "height": 8, "cameras": 3},
        {"width": 8, "height": 8, "cameras": [{"viewmat": np.eye(4).tolist()}]},
        {"width": 8, "height": 8, "cameras": [{"viewmat": np.eye(3).tolist(), "K": K.tolist()}]},
        {"width": "wide", "height": 8, "cameras": []},
    ],
)
def test_what_is_no_camera_file_is_refused(data):
    with pytest.raises(GeometryError, match="a camera file is"):
        Cameras.from_dict(data)
