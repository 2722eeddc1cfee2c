"""Light rigs as data."""

import json
from typing import Any

import numpy as np
import pytest

from tomosplat.errors import InputError
from tomosplat.lighting import LightRig, load_rig, rig_names

BOUNDS = (np.array([-100.0, -50, 0]), np.array([100.0, 50, 300]))


def test_shipped_rigs_survive_json() -> None:
    assert rig_names() == ["studio", "surgical", "soft"]
    for name in rig_names():
        rig = load_rig(name)
        assert LightRig.from_dict(name, json.loads(json.dumps(rig.to_dict()))) == rig


def test_lights_face_the_middle_of_the_scene_and_scale_with_it() -> None:
    rig = load_rig("studio")
    placed = rig.place(BOUNDS)
    middle, radius = np.array([0, 0, 150]), 150
    for i, light in enumerate(rig.lights):
        np.testing.assert_allclose(placed.centers[i], middle + np.array(light.position) * radius)
        towards_middle = middle - placed.centers[i]
        np.testing.assert_allclose(placed.normals[i], towards_middle / np.linalg.norm(towards_middle))
        edges = placed.half_edges[i]
        np.testing.assert_allclose(np.linalg.norm(edges, axis=1), light.half_size * radius)
        np.testing.assert_allclose(edges @ placed.normals[i], 0, atol=1e-9)
        assert abs(edges[0] @ edges[1]) < 1e-9


def test_a_rig_without_lamps_can_be_placed() -> None:
    assert LightRig("ambient", (1, 1, 1), ()).place(BOUNDS).centers.shape == (0, 3)


def test_unknown_rig_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="studio, surgical, soft"):
        load_rig("disco")


LIGHT: dict[str, Any] = {"name": "key", "position": [0, 4, 0], "half_size": 1.0, "radiance": [1, 1, 1]}


@pytest.mark.parametrize(
    "change",
    [
        {"position": [0, 1.5, 0]},
        {"position": [0, 4]},
        {"half_size": 0},
        {"half_size": float("nan")},
        {"radiance": [1, -1, 1]},
        {"radiance": [1, float("nan"), 1]},
        {"watts": 3},
        {"position": None},
    ],
)
def test_impossible_lights_are_refused(change: dict[str, Any]) -> None:
    LightRig.from_dict("good", {"environment": [0, 0, 0], "lights": [LIGHT]})
    with pytest.raises(InputError):
        LightRig.from_dict("bad", {"environment": [0, 0, 0], "lights": [LIGHT | change]})


@pytest.mark.parametrize("environment", [None, [1, 1], [1, 1, -1], [float("inf")] * 3])
def test_missing_or_impossible_environment_is_refused(environment: Any) -> None:
    with pytest.raises(InputError, match="environment"):
        LightRig.from_dict("bad", {"environment": environment, "lights": []})
