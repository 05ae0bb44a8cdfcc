"""Lines 5 and 6: colors that explode, jump or fade with the network's size."""

from math import nan
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Guesser, Oracle

from videocolor.examine.lines.sizes import line_5, line_6
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.sweep import SWEPT_SIDES
from videocolor.examine.views import Clip, Material, Photo, View

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 128


def made_photo(number, *, strength=0.5):
    """Blobs of color, large enough for any size."""
    generator = torch.Generator().manual_seed(number)
    color, light = torch.rand(1, 3, 4, 4, generator=generator), torch.rand(1, 1, 4, 4, generator=generator)
    blobs, gray = (F.interpolate(part, size=(SIDE, SIDE), mode="bicubic") for part in (color, light))
    rgb = (0.2 + strength * blobs + 0.3 * gray).clamp(0, 1)[0].permute(1, 2, 0)
    group = "nature" if number % 2 else "animals"
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group=group)


def made_clip(number, *, width=64):
    """Nobody knows its colors."""
    lightness = F.interpolate(made_photo(number).view.lightness[None], size=(SIDE, width))[0]
    return Clip(name=f"{number}.mkv", views=(View(lightness=lightness, ab=None, is_still=False),) * 3)


def sat(subject, photos=None, clips=()):
    photos = [made_photo(n) for n in range(4)] if photos is None else photos
    loaders = tuple(lambda clip=clip: clip for clip in clips)
    return Sitting(subject, Material(photos=tuple(photos), clips=loaders, side=SIDE), ExamSettings(few=24))


def figure(result, words):
    return next(item for item in result.figures if words in item.name)


class Sized(Oracle):
    """The truth at a quarter of the asked size; `self.at(ab, side)` has a fault."""

    def answer(self, views, side=None):
        truth = torch.stack([view.ab for view in views])
        small = min((side or 256) // 4, truth.shape[2])
        return self.at(F.interpolate(truth, (small, small), mode="area"), side)

    def at(self, ab, side):
        return ab


class Explodes(Sized):
    def __init__(self, peak):
        self.peak = peak

    def largest_ab(self, views, side=None):
        return self.peak if side == 384 else 90.0


class Jumps(Sized):
    """At every other size the colors are turned by a quarter."""

    def at(self, ab, side):
        return ab.flip(1) * torch.tensor([-1.0, 1.0])[:, None, None] if side % 64 else ab


class Fades(Sized):
    """The larger the paler, by little from each size to the next."""

    def at(self, ab, side):
        return ab * (1 - 0.35 * (side - 128) / 384)


class Dips(Sized):
    """Pale in the middle; as colorful at the largest size as at the smallest."""

    def at(self, ab, side):
        return ab * (1 - 0.4 * max(0, 1 - abs(side - 320) / 128))


class Rounds(Sized):
    """Knows multiples of 128 from 256 on."""

    def __init__(self):
        self.runs = 0

    def answer(self, views, side=None):
        self.runs += 1
        return super().answer(views, max(256, round(side / 128) * 128))


@pytest.mark.parametrize("line", [line_5, line_6])
@pytest.mark.parametrize("oracle", [Oracle, Sized])
def test_the_oracle_passes(line, oracle):
    assert line(sat(oracle())).verdict == "held"


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_the_oracle_passes_on_photographs():
    photos, _ = load_photos([VAL], limit=12)

    sitting = sat(Sized(), photos)

    assert [line(sitting).verdict for line in (line_5, line_6)] == ["held", "held"]


@pytest.mark.parametrize(("peak", "verdict"), [(109.0, "held"), (180.0, "failed"), (nan, "failed")])
def test_the_largest_ab_of_any_size_counts(peak, verdict):
    result = line_5(sat(Explodes(peak)))

    assert verdict == figure(result, "before any clamp").verdict == result.verdict


def test_bounded_answers_are_examined_on_their_changes_alone():
    result = line_5(sat(Sized()))

    assert "not tested" == figure(result, "before any clamp").verdict
    assert "held" == figure(result, "neighboring").verdict


def test_colors_that_jump_from_size_to_size_fail():
    result = line_5(sat(Jumps()))

    assert result.verdict == "failed"
    assert figure(result, "neighboring").value > 4
    one, other = (item.name.split(", network size ") for item in result.examples[:2])
    assert (one[0], int(one[1]) + 32) == (other[0], int(other[1]))


def test_a_fading_model_fails_though_its_steps_are_small():
    sitting = sat(Fades())

    assert line_5(sitting).verdict == "held"
    assert figure(line_6(sitting), "smallest over largest").value == pytest.approx(0.65, abs=0.05)
    assert line_6(sitting).verdict == "failed"


def test_a_dip_between_the_ends_fails():
    result = line_6(sat(Dips()))

    assert figure(result, "smallest over largest").value == pytest.approx(0.6, abs=0.05)
    assert "network size 320" in result.examples[0].name


def test_gray_neither_explodes_nor_jumps_but_fails():
    """What has no color cannot be of another one at the next size."""
    result = line_5(sat(Gray()))

    assert ["mean chroma over all sizes"] == [item.name for item in result.figures if item.verdict == "failed"]
    assert 0 == figure(result, "neighboring").value


def test_gray_is_not_steady_but_gray():
    result = line_6(sat(Gray()))

    assert result.verdict == "failed"
    assert [None, 0] == [figure(result, "smallest over").value, figure(result, "mean chroma").value]


def test_sizes_that_a_network_cannot_tell_apart_count_once():
    subject = Rounds()
    sitting = sat(subject)

    assert [128, 352, 448] == list(sitting.sweep.answers)
    line_5(sitting), line_6(sitting)
    assert len(SWEPT_SIDES) == subject.runs


def test_figures_are_told_apart_by_group():
    assert {"nature", "animals"} == set(line_5(sat(Jumps())).groups) == set(line_6(sat(Jumps())).groups)


def test_without_photographs_frames_of_clips_are_taken():
    sitting = sat(Guesser(), [], [made_clip(1), made_clip(2, width=80)])

    assert ["held", "held"] == [line(sitting).verdict for line in (line_5, line_6)]
    assert ["1.mkv", "2.mkv"] == [scene.name for scene in sitting.sweep.scenes]


def test_without_anything_nothing_is_tested():
    assert {"not tested"} == {line(sat(Oracle(), [])).verdict for line in (line_5, line_6)}


def test_nobody_can_be_colorful_on_pictures_that_are_not():
    sitting = sat(Sized(), [made_photo(n, strength=0.05) for n in range(2)])

    assert "not tested" == line_6(sitting).verdict == figure(line_5(sitting), "mean chroma").verdict
    assert "held" == line_5(sitting).verdict
