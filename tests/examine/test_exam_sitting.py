"""Answers to clips, which several lines need: found once as long as there is room."""

import torch
from made_colorizers import Oracle

from videocolor.examine.lines.flicker import line_1
from videocolor.examine.lines.stabilizing import line_13
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Clip, Material, View

FRAMES, SIDE = 18, 32


class Counting(Oracle):
    """The truth at half the size; counts how often it was asked for each picture."""

    stride = 2

    def __init__(self):
        self.asked = {}

    def answer(self, views, side=None):
        for view in views:
            self.asked[id(view)] = self.asked.get(id(view), 0) + 1
        return super().answer(views, side)


def made_clip(number):
    """Colored noise that moves to the left."""
    generator = torch.Generator().manual_seed(number)
    planes = torch.rand(3, SIDE, SIDE + FRAMES, generator=generator)
    views = (
        View(lightness=100 * window[:1], ab=80 * window[1:] - 20, is_still=False)
        for window in (planes[:, :, n : n + SIDE] for n in range(FRAMES))
    )
    return Clip(name=f"{number}.mkv", views=tuple(views))


CLIPS = tuple(made_clip(number) for number in (1, 2))
OF_ONE = FRAMES * 2 * (SIDE // 2) ** 2 * 2
"""Bytes of a clip's answers."""


def sat(subject, **room):
    return Sitting(subject, Material(clips=tuple(lambda clip=clip: clip for clip in CLIPS)), **room)


def runs(subject):
    """How often each clip was colored."""
    return [{subject.asked[id(view)] for view in clip.views} for clip in CLIPS]


def test_clips_are_colored_once_for_all_lines():
    subject = Counting()
    sitting = sat(subject)

    line_1(sitting), line_13(sitting)

    assert [{1}, {1}] == runs(subject)


def test_without_room_they_are_colored_anew_and_nothing_else_changes():
    alone, roomy, narrow = Counting(), Counting(), Counting()
    sittings = [sat(alone, clip_memory=OF_ONE - 1), sat(roomy), sat(narrow, clip_memory=2 * OF_ONE - 1)]

    figures = [(line_1(sitting).figures, line_13(sitting).figures) for sitting in sittings]

    assert figures[0] == figures[1] == figures[2]
    assert [{2}, {2}] == runs(alone)
    assert [{1}, {2}] == runs(narrow)


def test_answers_are_the_subject_s_in_half_precision():
    sitting = sat(Oracle())

    for _ in range(2):
        found = list(sitting.clip_answers())
        assert list(CLIPS) == [clip for clip, _ in found]
        for clip, answers in found:
            truth = torch.stack([view.ab for view in clip.views])
            assert torch.equal(truth.half().float(), answers)
