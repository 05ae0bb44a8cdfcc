"""Clocks: time bases, time codes, decoding times. Pure functions on integers and fractions.

Frames are identified by their pts; the mux stage owns dts.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from videocolor.errors import SettingsError

_TIME_CODE = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


def to_fraction(value: Any) -> Fraction | None:
    """A rational of libav as a Fraction; None where it is unset (None, 0/0 or 0/1).

    PyAV's next major returns its own rational, falsy when unset, in place of Fraction or None: this is the one
    place that has to know.
    """
    if not value:
        return None
    return Fraction(int(value.numerator), int(value.denominator))


def parse_time_code(text: str, option: str) -> Fraction:
    """Seconds from "HH:MM:SS.mmm", "MM:SS" or plain seconds.

    Raises:
        SettingsError: The text is none of these.
    """
    match = _TIME_CODE.fullmatch(text.strip())
    if not match:
        raise SettingsError(f"{option} is {text!r}.", "Give a time code like 00:01:30.5, 1:30 or seconds like 90.5.")
    hours, minutes, seconds = match.groups()
    return Fraction(int(hours or 0) * 3600 + int(minutes or 0) * 60) + Fraction(seconds)


def format_time_code(seconds: float) -> str:
    """`HH:MM:SS.mmm` for people."""
    milliseconds = round(seconds * 1000)
    sign, milliseconds = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def rescale(ticks: int, source: Fraction, target: Fraction) -> int:
    """Ticks of another time base, to the nearest, halves away from zero (as libav rounds)."""
    exact = ticks * source / target
    doubled = abs(exact) * 2 + 1
    rounded = doubled.numerator // (doubled.denominator * 2)
    return rounded if exact >= 0 else -rounded


def rebuild_dts(pts_in_decode_order: Sequence[int]) -> list[int]:
    """Decoding times for packets whose own are missing or clash after joining.

    Packets read back from segments come with gaps in their dts, and with B-frames at a variable rate the encoder's
    own dts of neighboring segments overlap. The rule: sorted pts, delayed by the deepest reordering.

    Args:
        pts_in_decode_order: The pts of all packets of the stream, in the order in which they are decoded.

    Returns:
        One dts per packet: strictly rising where the pts are distinct, and never above the packet's pts.
    """
    order = sorted(pts_in_decode_order)
    rank = {pts: index for index, pts in enumerate(order)}
    depth = max((index - rank[pts] for index, pts in enumerate(pts_in_decode_order)), default=0)
    first_step = order[1] - order[0] if len(order) > 1 else 1
    return [
        order[index - depth] if index >= depth else order[0] - (depth - index) * first_step
        for index in range(len(order))
    ]
