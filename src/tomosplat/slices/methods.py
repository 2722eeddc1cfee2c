"""Methods by name: slices at places between those of a stack. A method is an entry in ``METHODS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from tomosplat.geometry import FloatArray
from tomosplat.report import Report
from tomosplat.slices.fill import Filled, Quality, fill
from tomosplat.slices.flow import blend_along_motion, find_motion
from tomosplat.slices.gaussian_methods import fitted, folded, folded_published, inner_published
from tomosplat.slices.interpolation import PLAIN, Interpolator, Slices, linear, linear_blurred
from tomosplat.slices.labels import Labels, labels_by_distance, nearest_labels
from tomosplat.slices.stack import SliceStack
from tomosplat.slices.triplane import TriplaneModel

Method = Callable[[SliceStack, FloatArray, Report], Filled]
LabelMethod = Callable[[Labels, FloatArray, FloatArray], Labels]

#: What is used unless something else is asked for.
DEFAULT = "flow"


def _plain(interpolate: Interpolator, label: LabelMethod | None) -> Method:
    def method(stack: SliceStack, at: FloatArray, report: Report) -> Filled:
        labels = None
        if label is not None and stack.labels is not None:
            labels = label(stack.labels, stack.positions, at)
        return Filled(interpolate(stack.values, stack.positions, at), labels, {})

    return method


def _motion_blend(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    base = linear(slices, positions, at)
    low, high = np.percentile(slices, (0.5, 99.5))
    seen = ((np.clip(slices, low, high) - low) / (high - low or 1)).astype(np.float32)
    return blend_along_motion(slices, positions, at, find_motion(seen), base)


def _fill(quality: Quality, stack: SliceStack, at: FloatArray, report: Report) -> Filled:
    return fill(stack, at, report, quality)


#: In the order of tables. Nearest and linear carry labels too: by the nearer slice and by signed distance.
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "nearest": _plain(PLAIN["nearest"], nearest_labels),
        "linear": _plain(PLAIN["linear"], labels_by_distance),
        **{name: _plain(PLAIN[name], None) for name in ("catmull-rom", "spline", "pchip")},
        "linear+blur": _plain(linear_blurred, None),
        "motion blend": _plain(_motion_blend, None),
        "flow (draft)": partial(_fill, "draft"),
        DEFAULT: partial(_fill, "default"),
        "flow (high)": partial(_fill, "high"),
        "flow Gaussians": partial(fitted, gap="motion"),
        "inner": fitted,
        "triplane": partial(fitted, make=TriplaneModel),
        "folded": folded,
        # What each choice is worth: what is asked of the gaps, blending, start, and all of it as published.
        "inner (crossfade)": partial(fitted, gap="crossfade"),
        "triplane (motion)": partial(fitted, gap="motion", make=TriplaneModel),
        "folded (no gap loss)": partial(folded, gap="none"),
        "folded (motion)": partial(folded, gap="motion"),
        "inner (additive)": partial(fitted, blending="additive"),
        "inner (alpha)": partial(fitted, blending="alpha"),
        "inner (random start)": partial(fitted, seeding="random", most=64_000),
        "inner (published)": inner_published,
        "folded (published)": folded_published,
    }
)
#: Those that every table holds, whatever else was asked for.
BASELINES = (*PLAIN, "linear+blur", "motion blend")
