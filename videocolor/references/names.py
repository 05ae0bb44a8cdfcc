"""From a picture's name to the frame that it shows. Pure: names and clocks in, numbers out.

Numbers and times are those of the source film, whatever part of it is colored: its first frame is frame 0 at 0 s.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from videocolor.core.shots import Plan
from videocolor.errors import SettingsError
from videocolor.media.timing import format_time_code

ACCEPTED = "frame_000123.png, 00-01-23.456.png or 83.456s.png"
"""One name of each kind, for messages."""

_NUMBER = re.compile(r"(?<![a-z])frame[ _-]?(\d{1,12})(?!\d)", re.IGNORECASE)
# Three digits of a second, or 00_01_23_12 could as well be frame 12 of a second.
_TIME = re.compile(r"(?<!\d)(\d{2})([-._:])([0-5]\d)\2([0-5]\d)[-._:](\d{3})(?!\d)")
_SECONDS = re.compile(r"(?<![\d.,a-z])(\d{1,9}(?:\.\d{1,9})?)s(?![a-z\d])", re.IGNORECASE)
_SUFFIX = re.compile(r"\.[a-z][a-z\d]*$", re.IGNORECASE)

# Times in names are rounded to milliseconds.
_ROUNDING_S = Fraction(1, 2000)


@dataclass(frozen=True, slots=True)
class FrameNumber:
    """A frame by its number in presentation order."""

    number: int

    def __str__(self) -> str:
        return f"frame {self.number}"


@dataclass(frozen=True, slots=True)
class FrameTime:
    """A frame by its time."""

    seconds: Fraction

    def __str__(self) -> str:
        return format_time_code(float(self.seconds))


Moment = FrameNumber | FrameTime


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmClock:
    """When the planned frames of a film are shown, and which numbers they have."""

    pts: tuple[int, ...]
    durations: tuple[int, ...]
    time_base: Fraction
    origin_pts: int
    """Time 0."""
    first_number: int | None
    """Number of the first planned frame: with --start not 0; None where nobody counted, for times alone."""

    @classmethod
    def of(cls, plan: Plan, *, origin_pts: int | None, first_number: int | None) -> "FilmClock":
        return cls(
            pts=plan.pts,
            durations=plan.durations,
            time_base=plan.time_base,
            origin_pts=origin_pts or 0,
            first_number=first_number,
        )

    def describe(self, index: int) -> str:
        """How messages name a planned frame."""
        time_code = self.time_code(index)
        if self.first_number is None:
            return f"the frame at {time_code}"
        return f"frame {self.first_number + index} at {time_code}"

    def time_code(self, index: int) -> str:
        """When a planned frame is shown."""
        return format_time_code(float((self.pts[index] - self.origin_pts) * self.time_base))


def parse_name(name: str) -> Moment:
    """The frame that a file name speaks of; a number counts for more than a time, words around them for nothing.

    Args:
        name: With or without its suffix: `shot-0004-frame_000123.png`, `00-01-23.456.png`, `83.456s.tif`.

    Raises:
        SettingsError: It tells no frame, or several.
    """
    stem = _SUFFIX.sub("", PurePath(name).name)
    for pattern, read in ((_NUMBER, _read_number), (_TIME, _read_time), (_SECONDS, _read_seconds)):
        found = {read(match) for match in pattern.finditer(stem)}
        if len(found) > 1:
            raise SettingsError(f"The name {name} tells several frames.", f"Name it like {ACCEPTED}.")
        if found:
            return found.pop()
    raise SettingsError(f"The name {name} tells no frame.", f"Name it like {ACCEPTED}; numbers count from 0.")


def find_frame(name: str, moment: Moment, clock: FilmClock) -> int:
    """Index of a moment among the planned frames.

    Args:
        name: Of the picture, for messages.
        moment: From `parse_name`; a time means the nearest frame within half a frame's duration.
        clock: The film's, counted where the moment is a number.

    Raises:
        SettingsError: There is no such frame, or it is not colored in this run.
    """
    if isinstance(moment, FrameNumber):
        assert clock.first_number is not None
        index = moment.number - clock.first_number
        if not 0 <= index < len(clock.pts):
            last = clock.describe(len(clock.pts) - 1)
            raise SettingsError(
                f"{name}: {moment} is not colored in this run.", f"It goes from {clock.describe(0)} to {last}."
            )
        return index
    wanted = clock.origin_pts + moment.seconds / clock.time_base
    behind = bisect_left(clock.pts, wanted)
    index = min((i for i in (behind - 1, behind) if 0 <= i < len(clock.pts)), key=lambda i: abs(clock.pts[i] - wanted))
    reach = max(Fraction(clock.durations[index], 2), _ROUNDING_S / clock.time_base)
    if abs(clock.pts[index] - wanted) > reach:
        shown = clock.time_code(index).replace(":", "-")
        right = shown if clock.first_number is None else f"frame_{clock.first_number + index:06}"
        raise SettingsError(
            f"{name}: no frame is shown at {moment}; the nearest is {clock.describe(index)}.",
            f"If that is the one, name the picture {right}.",
        )
    return index


def _read_number(match: re.Match[str]) -> Moment:
    return FrameNumber(int(match[1]))


def _read_time(match: re.Match[str]) -> Moment:
    hours, minutes, seconds, milliseconds = (int(match[group]) for group in (1, 3, 4, 5))
    return FrameTime(Fraction(((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds, 1000))


def _read_seconds(match: re.Match[str]) -> Moment:
    return FrameTime(Fraction(match[1]))
