"""Answers that are not a number: no line may be held by a comparison with NaN that is false."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Oracle

from videocolor.examine.colors import worst_photos
from videocolor.examine.lines.darkness import exposed, line_2
from videocolor.examine.lines.patterns import line_11
from videocolor.examine.lines.registry import LINES
from videocolor.examine.lines.stabilizing import line_15
from videocolor.examine.made_pictures import flat
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.skin_boxes import shipped_boxes
from videocolor.examine.views import Clip, Material, Photo, View

SIDE = 96
SKIN_PHOTOS = 4
# Line 8 judges the size of the answer only: its bars are on true colors at that size.
LOOK_AT_ANSWERS = [line for line in LINES if line.number != 8]
NEED_NO_TRUTH = [line for line in LOOK_AT_ANSWERS if not line.needs_truth]


def made_photo(number):
    """Blobs of color, dark corners included; the first ones are of skin and count as photographs with known boxes."""
    generator = torch.Generator().manual_seed(number)
    color, light = torch.rand(1, 3, 5, 5, generator=generator), torch.rand(1, 1, 14, 14, generator=generator)
    blobs, patches = (F.interpolate(part, size=(SIDE, SIDE), mode="bicubic") for part in (color, light))
    rgb = ((0.5 * blobs + 0.6 * patches**2).clamp(0, 1)[0].permute(1, 2, 0) * 255).numpy().astype(np.uint8)
    digest = f"{number:064}"
    if number < SKIN_PHOTOS:
        digest = sorted(shipped_boxes(), key=lambda name: -len(shipped_boxes()[name]))[number]
        rgb = np.full_like(rgb, (200, 150, 120)) - np.uint8(number)
    return Photo(name=f"{number}.png", sha256=digest, rgb=rgb, group="people")


def made_clip(number, *, has_truth):
    view = made_photo(number).view
    views = (
        View(
            lightness=view.lightness[:, :, n : n + 64],
            ab=view.ab[:, :, n : n + 64] if has_truth else None,
            is_still=False,
        )
        for n in range(12)
    )
    return Clip(name=f"{number}.mkv", views=tuple(views))


class Broken(Oracle):
    """Overflows on every `every`-th picture, told by its lightness; the others get a brown that needs no truth."""

    def __init__(self, every):
        self.every = every

    def answer(self, views, side=None):
        brown = torch.tensor([0.1, 0.3])[:, None, None]
        known = torch.stack([view.lightness * brown if view.ab is None else view.ab for view in views])
        is_broken = torch.tensor([self.overflows(view.lightness) for view in views])
        return torch.where(is_broken[:, None, None, None], torch.nan, known)

    def overflows(self, lightness):
        return round(float(lightness.double().sum())) % self.every == 0

    def largest_ab(self, views, side=None):
        return float(self.answer(views, side).abs().amax())


class BrokenOnOne(Broken):
    """Overflows on one picture alone."""

    def __init__(self, view):
        self.view = view

    def overflows(self, lightness):
        return torch.equal(lightness, self.view.lightness)


@pytest.fixture(scope="module")
def photos():
    return tuple(made_photo(number) for number in range(12))


def sat(subject, photos, *, has_truth):
    clips = tuple(made_clip(number, has_truth=has_truth) for number in (20, 21, 22, 23))
    loaders = tuple(lambda clip=clip: clip for clip in clips)
    return Sitting(subject, Material(photos=photos, clips=loaders, side=SIDE), ExamSettings(few=12))


@pytest.mark.parametrize("every", [1, 2], ids=["all pictures", "some pictures"])
@pytest.mark.parametrize("line", LOOK_AT_ANSWERS, ids=lambda line: f"line {line.number}")
def test_no_line_is_held_by_answers_that_are_no_numbers(line, every, photos):
    assert "failed" == line.run(sat(Broken(every), photos, has_truth=True)).verdict


@pytest.mark.parametrize("every", [1, 2], ids=["all pictures", "some pictures"])
@pytest.mark.parametrize("line", NEED_NO_TRUTH, ids=lambda line: f"line {line.number}")
def test_nor_on_a_film_whose_colors_nobody_knows(line, every):
    assert "failed" == line.run(sat(Broken(every), (), has_truth=False)).verdict


def test_one_picture_that_is_not_the_first_is_enough():
    """Python's `max` keeps the first of two that cannot be compared, and a count leaves out what compares false."""
    clips = [made_clip(number, has_truth=False) for number in (20, 21, 22, 23)]
    dark, behind_a_cut, flat_area = exposed(clips[1].views[8]), clips[2].views[0], flat((256, 256), 75.0)

    for line, view in ((line_2, dark), (line_15, behind_a_cut), (line_11, flat_area)):
        assert "failed" == line(sat(BrokenOnOne(view), (), has_truth=False)).verdict, line


def test_a_photograph_without_a_number_is_the_worst(photos):
    examples = worst_photos(photos, [1.0, float("nan"), 3.0, *[0.0] * 9], lambda index: photos[index].view.ab)

    assert ["1.png", "2.png", "0.png"] == [example.name for example in examples]
