"""Pictures for lines that need no true colors: photographs, or where there are none a frame of each clip."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from torch import Tensor

from videocolor.examine.views import Clip, Photo, View

_MOST_VIEWS = 16
"""Of one network run."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A picture with its name."""

    name: str
    """Of the photograph or clip."""
    key: str
    """What its grain is drawn by: the hash of the photograph, the name of the clip."""
    view: View
    group: str | None = None
    """See `Photo.group`."""


def scenes_of(photos: Sequence[Photo], clips: Iterable[Clip]) -> tuple[Scene, ...]:
    """The photographs, or without any the middle frames of the clips, which are read only then."""
    if photos:
        return tuple(Scene(name=photo.name, key=photo.sha256, view=photo.view, group=photo.group) for photo in photos)
    return tuple(
        Scene(name=clip.name, key=clip.name, view=clip.views[len(clip.views) // 2]) for clip in clips if clip.views
    )


def color_all(
    color: Callable[[Sequence[View], int | None], Tensor], views: Iterable[View], side: int | None = None
) -> Iterator[Tensor]:
    """Color many pictures, which are only asked for when it is their turn.

    Args:
        color: Views of one size, and the side, to (N, 2, H, W).
        views: The pictures, of several sizes.
        side: See `Subject.answer`.

    Yields:
        (2, H, W) for each view, in order.
    """
    for group in view_groups(views):
        yield from color(group, side)


def view_groups(views: Iterable[View]) -> Iterator[list[View]]:
    """The views in order, in groups that fit into one network run: of one size and kind, and not too many."""
    for _, alike in groupby(views, key=lambda view: (view.size, view.is_still)):
        while group := list(islice(alike, _MOST_VIEWS)):
            yield group
