"""Transfer functions: which colour and opacity a value has, in each group of organs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import TransferFunctionError
from tomosplat.volume import Unit

#: Opacity α is the light lost over this many millimetres of travel.
OPACITY_LENGTH_MM = 1.5

#: α is capped here, so that extinction stays finite.
MAX_OPACITY = 0.999

#: Groups that are not background, as tomosplat.anatomy and Render-FM's tables number them.
FOREGROUND_GROUPS = range(1, 12)

_FORMAT = "tomosplat-transfer-functions"
_VERSION = 1

#: Render-FM's for CT, and ours for the relative signal of MR and ultrasound.
Preset = Literal["seen", "unseen", "mr", "us"]


@dataclass(frozen=True, eq=False)
class TransferFunction:
    """Colour and opacity as a piecewise linear function of the value.

    Between points, opacity and opacity-weighted colour are linear, so a ramp from nothing has the colour of its
    visible end instead of a dark fringe. Beyond the first and last point the function is constant. Two points with
    one value make a step.

    Attributes:
        points: [P, 5] float64 rows of value (HU for CT), red, green, blue, opacity; colours in 0..1,
            display-referred (sRGB), not multiplied by opacity; opacity in 0..1 per 1.5 mm.

    Raises:
        TransferFunctionError: Points are not [P >= 1, 5], not finite, not sorted by value, or out of range.
    """

    points: NDArray[np.float64]

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float64)
        if points.ndim != 2 or points.shape[0] < 1 or points.shape[1] != 5:
            raise TransferFunctionError(
                f"a transfer function needs rows of value, red, green, blue, opacity; got shape {points.shape}"
            )
        if not np.all(np.isfinite(points)):
            raise TransferFunctionError("the points of a transfer function hold NaN or infinity")
        if np.any(np.diff(points[:, 0]) < 0):
            raise TransferFunctionError(
                f"the points of a transfer function must be sorted by value, got {points[:, 0].tolist()}"
            )
        low, high = points[:, 1:].min(), points[:, 1:].max()
        if low < 0 or high > 1:
            raise TransferFunctionError(f"colours and opacities must lie in 0..1, got {low:g} to {high:g}")
        points.setflags(write=False)
        object.__setattr__(self, "points", points)

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return red, green, blue, opacity [..., 4] at ``values`` [...]; colour is not multiplied by opacity."""
        x = np.asarray(values, dtype=np.float64)
        at, rgb, alpha = self.points[:, 0], self.points[:, 1:4], self.points[:, 4]
        opacity = np.interp(x, at, alpha)
        straight = np.stack([np.interp(x, at, channel) for channel in rgb.T], axis=-1)
        weighted = np.stack([np.interp(x, at, channel * alpha) for channel in rgb.T], axis=-1)
        visible = opacity[..., None] > 0
        color = np.where(visible, weighted / np.where(visible, opacity[..., None], 1), straight)
        # Rounding may leave the range by one bit.
        return np.concatenate([np.clip(color, 0, 1), opacity[..., None]], axis=-1)


@dataclass(frozen=True, eq=False)
class TransferFunctions:
    """One transfer function for each group of organs.

    Attributes:
        functions: Group index → function; voxels of groups that are not named are invisible.
        name: What to call the set.
        unit: What the functions' values are; only volumes of that unit are accepted.
        notes: What an importer left out or assumed, one line each.

    Raises:
        TransferFunctionError: There is no group, or a group index is outside 0..255.
    """

    functions: Mapping[int, TransferFunction]
    name: str
    unit: Unit = "HU"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wrong = [group for group in self.functions if not 0 <= group <= 255]
        if wrong or not self.functions:
            raise TransferFunctionError(
                f"transfer functions need at least one group, indices 0 to 255; got {wrong or 'none'}"
            )

    @classmethod
    def uniform(
        cls, function: TransferFunction, name: str, unit: Unit = "HU", notes: tuple[str, ...] = ()
    ) -> TransferFunctions:
        """Use one function for every foreground group."""
        return cls(dict.fromkeys(FOREGROUND_GROUPS, function), name, unit, notes)

    @classmethod
    def preset(cls, name: Preset) -> TransferFunctions:
        """Return transfer functions that come with the package.

        "seen" and "unseen" are Render-FM's for CT (Table 5), named after what its network was trained with; "mr" and
        "us" are for signal that ``tomosplat.volume.signal.relative_signal`` made relative.

        Raises:
            TransferFunctionError: There is no such preset.
        """
        if name not in get_args(Preset):
            raise TransferFunctionError(
                f"no transfer function preset is called {name!r}; expected one of {', '.join(get_args(Preset))}"
            )
        return cls.from_json(files(__package__).joinpath(f"data/{name}.json").read_text(encoding="utf-8"))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data; :meth:`from_dict` gives back the same functions, bit by bit."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            "unit": self.unit,
            "rgb_max": 1,
            "groups": {str(group): f.points.tolist() for group, f in sorted(self.functions.items())},
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TransferFunctions:
        """Read what :meth:`to_dict` returns.

        ``groups`` maps group indices ("7", "1-11", "1-3,7") to rows [value, red, green, blue, opacity per 1.5 mm];
        red, green and blue run from 0 to ``rgb_max`` (1 or 255; 255 when left out).

        Raises:
            TransferFunctionError: The data is of another format or version, or malformed.
        """
        if data.get("format") != _FORMAT or data.get("version") != _VERSION:
            raise TransferFunctionError(
                f"expected format {_FORMAT!r} version {_VERSION}, "
                f"found {data.get('format')!r} version {data.get('version')!r}"
            )
        unit, rgb_max, groups = data.get("unit", "HU"), data.get("rgb_max", 255), data.get("groups")
        if unit not in get_args(Unit) or rgb_max not in (1, 255) or not isinstance(groups, Mapping) or not groups:
            raise TransferFunctionError(
                "transfer functions need unit HU, relative or arbitrary, rgb_max 1 or 255, and groups; "
                f"found {unit!r}, {rgb_max!r} and {groups!r}"
            )
        functions: dict[int, TransferFunction] = {}
        for key, rows in groups.items():
            members = _members(key)
            if twice := sorted(functions.keys() & members):
                raise TransferFunctionError(f"group {twice[0]} has more than one transfer function")
            functions |= dict.fromkeys(members, _function(key, rows, rgb_max))
        return cls(functions, str(data.get("name", "")), unit, tuple(map(str, data.get("notes", ()))))

    def to_json(self) -> str:
        """Return :meth:`to_dict` as text, but a function that several groups share written once, a line for each point.

        The shared one's key is a list of indices and ranges, such as "1-3,7".
        """
        keys: dict[str, list[int]] = {}
        for group, function in sorted(self.functions.items()):
            rows = ",\n   ".join(json.dumps(row) for row in function.points.tolist())
            keys.setdefault(rows, []).append(group)
        groups = ",\n".join(f'  "{_key_of(members)}": [\n   {rows}\n  ]' for rows, members in keys.items())
        parts = [f' "{name}": {json.dumps(value)}' for name, value in self.to_dict().items() if name != "groups"]
        return "{\n" + ",\n".join([*parts, f' "groups": {{\n{groups}\n }}']) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> TransferFunctions:
        """Read what :meth:`to_json` returns.

        Raises:
            TransferFunctionError: The text is not JSON, or :meth:`from_dict` refuses what it holds.
        """
        data = json_of(text)
        if not isinstance(data, dict):
            raise TransferFunctionError(f"expected a JSON object with format {_FORMAT!r}, found {type(data).__name__}")
        return cls.from_dict(data)


def json_of(text: str) -> Any:
    """Return what JSON text holds, or raise TransferFunctionError with the place of the mistake."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TransferFunctionError(f"not JSON: {error}") from None


def _members(key: str) -> list[int]:
    """The indices that "7", "1-11" or "1-3,7" names."""
    members: list[int] = []
    for part in key.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() for end in ends):
            raise TransferFunctionError(f'groups are named by their indices, as "7", "1-11" or "1-3,7"; found {key!r}')
        first, last = int(ends[0]), int(ends[-1])
        if not first <= last <= 255:
            raise TransferFunctionError(f"group indices run from 0 to 255 and ranges upwards, found {key!r}")
        members += range(first, last + 1)
    return members


def _key_of(members: list[int]) -> str:
    """What :func:`_members` reads: indices in ascending order, neighbours as ranges."""
    starts = [n for n in members if n - 1 not in members]
    stops = [n for n in members if n + 1 not in members]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def _function(key: str, rows: Any, rgb_max: float) -> TransferFunction:
    try:
        points = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 5:
        raise TransferFunctionError(f"group {key}: expected rows of five numbers, found {str(rows)[:80]}")
    points[:, 1:4] /= rgb_max
    try:
        return TransferFunction(points)
    except TransferFunctionError as error:
        raise TransferFunctionError(f"group {key}: {error}") from None
