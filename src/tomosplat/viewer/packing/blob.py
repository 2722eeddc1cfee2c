"""The container: a magic word, a JSON header, sections."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAGIC = b"TOMOBLOB"
#: Sections are noise for the most part: more effort costs time and saves nothing.
_EFFORT = 6


@dataclass(frozen=True, eq=False)
class Blob:
    """What the page reads in one piece.

    Attributes:
        header: JSON-serialisable; ``SceneHeader`` or ``VolumeHeader`` of ``web/src/scene/types.ts``.
        sections: Bytes of each section, in the order in which they travel.
    """

    header: Mapping[str, Any]
    sections: Mapping[str, bytes]

    def to_bytes(self) -> bytes:
        """The blob as it is parsed."""
        listed = [{"name": name, "bytes": len(data)} for name, data in self.sections.items()]
        # Non-ASCII names of organs are escaped, so characters and bytes of the header are the same number.
        header = json.dumps({**self.header, "sections": listed}, separators=(",", ":"), allow_nan=False).encode("ascii")
        return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *self.sections.values()])

    def compressed(self) -> bytes:
        """The blob as it travels: gzip without a date, so that the same scene gives the same bytes."""
        gzip = zlib.compressobj(_EFFORT, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return gzip.compress(self.to_bytes()) + gzip.flush()
