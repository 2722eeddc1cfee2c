"""The sets of organs that datasets show."""

from types import MappingProxyType

from tomosplat.anatomy.labels import GROUPS, resolve_organs

#: Name of each set, in the order of ``PrepareOptions.views`` → label ids, None for everything (Render-FM, sec. 4.1:
#: all classes, skeleton, organs without skeleton and muscle).
VISIBLE_SETS = MappingProxyType(
    {
        "all": None,
        "skeleton": resolve_organs("skeleton"),
        "organs": resolve_organs([g.name for g in GROUPS if g.name not in ("background", "skeleton", "muscle")]),
    }
)
