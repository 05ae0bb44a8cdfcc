"""Line 2: dark areas that turn blue, and red in the next frame."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Oracle

from videocolor.examine.lines.darkness import exposed, line_2
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Clip, Material, Photo, View

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 64
DARK = 15


def made_photo(number, *, darkest=0.1):
    """Blobs of color between dark and bright."""
    generator = torch.Generator().manual_seed(number)
    color, light = torch.rand(1, 3, 5, 5, generator=generator), torch.rand(1, 1, 12, 12, generator=generator)
    blobs, patches = (F.interpolate(part, size=(SIDE, SIDE), mode="bilinear") for part in (color, light))
    rgb = (darkest + 0.2 * blobs + 0.6 * patches**2).clamp(0, 1)[0].permute(1, 2, 0)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group="nature")


def made_clip(number):
    """Nobody knows its colors."""
    view = View(lightness=made_photo(number).view.lightness, ab=None, is_still=False)
    return Clip(name=f"{number}.mkv", views=(view,) * 9)


def sat(subject, photos=None, clips=()):
    photos = [made_photo(n) for n in range(4)] if photos is None else photos
    return Sitting(
        subject, Material(photos=tuple(photos), clips=tuple(lambda clip=clip: clip for clip in clips), side=SIDE)
    )


def figure(result, words):
    return next(item for item in result.figures if words in item.name)


class InTheDark(Oracle):
    """Right but for where it is dark; there `self.dark(ab, lightness)`."""

    def spoil(self, ab, views):
        lightness = torch.stack([view.lightness for view in views])
        return torch.where(lightness < DARK, self.dark(ab, lightness), ab)


class BlueShadows(InTheDark):
    def dark(self, ab, lightness):
        strength = torch.hypot(ab[:, :1], ab[:, 1:])
        return strength * torch.tensor([0.2, -0.98])[None, :, None, None]


class Glowing(InTheDark):
    def dark(self, ab, lightness):
        return 1.7 * ab


class RandomHue(InTheDark):
    """As strong as the truth, but every picture anew blue, red or anything."""

    def dark(self, ab, lightness):
        strength = torch.hypot(ab[:, :1], ab[:, 1:])
        turn = lightness.sum(dim=(1, 2, 3), keepdim=True) * 1e3 % (2 * torch.pi)
        return strength * torch.cat([turn.cos(), turn.sin()], dim=1)


class Constant(Oracle):
    """Needs no truth."""

    def __init__(self, ab):
        self.ab = ab

    def answer(self, views, side=None):
        return torch.tensor(self.ab)[None, :, None, None].expand(len(views), 2, *views[0].size).clone()


def test_two_stops_are_a_quarter_of_the_light():
    """The cube root of a quarter shrinks L + 16 and ab alike, where nothing is on the straight part near black."""
    view = View(lightness=torch.full((1, 2, 2), 60.0), ab=torch.tensor([10.0, -5.0])[:, None, None].expand(2, 2, 2))

    darker = exposed(view)

    shrink = 0.25 ** (1 / 3)
    assert torch.allclose(76 * shrink - 16 * torch.ones(1, 2, 2), darker.lightness, atol=1e-3)
    assert torch.allclose(view.ab * shrink, darker.ab, atol=1e-3)
    assert not darker.is_still
    assert exposed(View(lightness=view.lightness, ab=None)).ab is None


def test_the_truth_passes():
    result = line_2(sat(Oracle()))

    assert "held" == result.verdict
    assert 1 == figure(result, "over the truth's").value
    assert figure(result, "share of blue among").value == figure(result, "the truth's share").value
    assert 0 == figure(result, "in the dark, alone").value
    assert ["nature"] == list(result.groups)


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_the_truth_of_real_photographs_passes():
    photos, _ = load_photos([VAL], limit=12, side=128)

    result = line_2(Sitting(Oracle(), Material(photos=photos)))

    assert "held" == result.verdict
    assert 0 < figure(result, "in the dark, smoothed").value < 0.3
    assert 0.1 < figure(result, "the truth's share").value < 0.3


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (BlueShadows(), {"share of blue among"}),
        (Glowing(), {"over the truth's"}),
        (RandomHue(), {"in the dark, alone"}),
        (Gray(), {"share of blue among"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_fault_fails(subject, words):
    """Gray has no hue in the dark: an undefined share is no good one."""
    result = line_2(sat(subject))

    failed = {item.name for item in result.figures if item.verdict == "failed"}
    assert "failed" == result.verdict
    assert all(any(word in name for name in failed) for word in words), failed
    # Where a fault begins at a lightness, grain moves its border.
    if isinstance(subject, (Glowing, Gray)):
        assert len(words) == len(failed)


def test_the_worst_examples_are_the_bluest():
    result = line_2(sat(BlueShadows()))

    badness = [example.badness for example in result.examples]
    assert badness == sorted(badness, reverse=True)
    assert badness[0] > 0
    assert "two stops darker" in result.examples[0].name


@pytest.mark.parametrize(("ab", "verdict"), [((0.0, -12.0), "failed"), ((6.0, 12.0), "held")])
def test_films_without_truth_are_held_against_photographs(ab, verdict):
    result = line_2(sat(Constant(ab), photos=[], clips=[made_clip(1)]))

    assert verdict == figure(result, "clips without truth").verdict == result.verdict
    assert "not tested" == figure(result, "over the truth's").verdict
    assert 2 == len(result.examples)


def test_what_is_missing_is_not_tested():
    bright = Photo(name="bright", sha256="0" * 64, rgb=np.full((SIDE, SIDE, 3), 200, np.uint8))
    neutral = Photo(name="neutral", sha256="0" * 64, rgb=np.full((SIDE, SIDE, 3), 30, np.uint8))

    assert "not tested" == line_2(sat(Oracle(), photos=[])).verdict
    assert "not tested" == line_2(sat(Oracle(), photos=[bright])).verdict
    assert "not tested" == figure(line_2(sat(Oracle(), photos=[neutral])), "share of blue among").verdict
