"""Lines 3 and 4: blue clothes, everything green, and blotches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle

from videocolor.examine.colors import chroma, has_hue, hue, matched_chroma, worst_photos
from videocolor.examine.lines.hues import line_3, line_4
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Material, Photo, View

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 60
BLUE, GREEN = (5.0, -40.0), (-35.0, 20.0)


def made_photo(number, group="people"):
    """Blocks of many colors; the left half holds neither blue nor green."""
    generator = np.random.default_rng(number)
    blocks = generator.integers(30, 226, (6, 6, 3), np.uint8)
    blocks[:, :3, 0] = np.maximum(blocks[:, :3, 0], 160)
    blocks[:, :3, 1:] //= 2
    rgb = blocks.repeat(SIDE // 6, axis=0).repeat(SIDE // 6, axis=1)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=rgb, group=group)


def sat(subject, photos):
    return Sitting(subject, Material(photos=tuple(photos), side=SIDE))


def figure(result, name):
    return next(item for item in result.figures if item.name.startswith(name))


def colored(*ab):
    return torch.tensor(ab)[:, None, None]


class Clothes(Oracle):
    """The left half, where the people stand, is of one color."""

    def __init__(self, color, strength=1.0):
        self.color, self.strength = color, strength

    def spoil(self, ab, views):
        spoilt = ab.clone()
        width = ab.shape[3] // 2
        spoilt[:, :, :, :width] = colored(*self.color)
        return spoilt * self.strength


class EverythingGreen(Oracle):
    """Right in strength, but most of what has a color is green."""

    def spoil(self, ab, views):
        strength = torch.hypot(ab[:, :1], ab[:, 1:])
        return torch.where(strength > 8, strength * colored(-0.87, 0.5), ab)


class GreenLawns(Clothes):
    """The fault on some pictures only."""

    def __init__(self, truths):
        super().__init__(GREEN)
        self.truths = truths

    def spoil(self, ab, views):
        is_lawn = torch.tensor([any(torch.equal(truth, view.ab) for truth in self.truths) for view in views])
        return torch.where(is_lawn[:, None, None, None], super().spoil(ab, views), ab)


class Blotches(Oracle):
    """Red marks on dull places: a square of `side` pixels on every `every`-th picture, or as many lonely pixels."""

    def __init__(self, dull, *, every=1, side=8, scattered=False, strength=1.0):
        self.dull, self.every, self.side, self.scattered, self.strength = dull, every, side, scattered, strength

    def spoil(self, ab, views):
        spoilt = ab.clone()
        for picture, view in zip(spoilt, views, strict=True):
            number = next(n for n, truth in enumerate(self.dull) if torch.equal(truth, view.ab))
            if number % self.every == 0:
                step = 3 if self.scattered else 1
                end = self.side * step
                picture[:, 2 : 2 + end : step, 2 : 2 + end : step] = colored(60.0, 30.0)
        return spoilt * self.strength


def dull_corner(number):
    """A made photograph whose upper left is gray."""
    photo = made_photo(number)
    rgb = photo.rgb.copy()
    rgb[:30, :30] = rgb[:30, :30].mean(axis=2, keepdims=True).astype(np.uint8)
    return Photo(name=photo.name, sha256=photo.sha256, rgb=rgb, group=photo.group)


@pytest.fixture(scope="module")
def made():
    return [made_photo(number) for number in range(8)]


@pytest.fixture(scope="module")
def dull():
    return [dull_corner(number) for number in range(20)]


@pytest.fixture(scope="module")
def real():
    if not VAL.is_dir():
        pytest.skip("needs the photographs of ../shared")
    return load_photos([VAL], side=128, limit=12)[0]


@pytest.mark.parametrize(
    ("rgb", "degrees"), [((255, 0, 0), 40), ((255, 255, 0), 103), ((0, 255, 0), 136), ((0, 0, 255), 306)]
)
def test_hues_are_those_of_lab(rgb, degrees):
    """CIE Lab hues of sRGB's corners, as tables give them."""
    ab = View.of_rgb(np.full((1, 1, 3), rgb, np.uint8)).ab

    assert degrees == round(float(hue(ab)))


def test_a_range_of_hues_may_pass_zero():
    angles = torch.deg2rad(torch.tensor([290.0, 310.0, 359.0, 10.0, 44.0, 50.0]))
    ab = 20 * torch.stack([angles.cos(), angles.sin()])[:, None]

    assert [False, True, True, True, True, False] == has_hue(ab, (300, 45), least_chroma=10)[0].tolist()
    assert not has_hue(ab, (300, 45), least_chroma=21).any()
    assert torch.allclose(torch.tensor(20.0), chroma(ab))


@pytest.mark.parametrize("line", [line_3, line_4])
def test_the_oracle_passes_on_made_pictures(line, made):
    result = line(sat(Oracle(), made))

    assert "held" == result.verdict, result.figures
    assert result.groups["people"]["pictures"] == len(made)


@pytest.mark.shared
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("line", [line_3, line_4])
def test_the_oracle_passes_on_photographs(line, stride, real):
    subject = Oracle()
    subject.stride = stride

    assert "held" == line(sat(subject, real)).verdict


@pytest.mark.parametrize("line", [line_3, line_4])
def test_gray_fails_for_want_of_chroma(line, made):
    result = line(sat(Gray(), made))

    assert "failed" == result.verdict
    assert "failed" == figure(result, "mean chroma, matched").verdict
    assert figure(result, "mean chroma as it is").value == 0


@pytest.mark.parametrize("strength", [1.0, 0.2])
@pytest.mark.parametrize(("color", "failing"), [(BLUE, "blue and purple"), (GREEN, "green")])
def test_clothes_of_one_color_fail_however_dull(color, failing, strength, made):
    """Matched answers are judged: a low gain hides nothing."""
    result = line_3(sat(Clothes(color, strength), made))

    failed = [item.name for item in result.figures if item.verdict == "failed"]
    assert [f"{failing} where people are, times the truth's"] == failed
    assert result.examples


@pytest.mark.shared
@pytest.mark.parametrize(("subject", "failing"), [(EverythingGreen(), "green"), (Clothes(BLUE), "blue and purple")])
def test_wrong_hues_on_photographs_fail(subject, failing, real):
    result = line_3(sat(subject, real))

    assert "failed" == figure(result, failing).verdict
    people = {photo.name for photo in real if photo.group == "people"}
    assert result.examples[0].name in people


def test_only_pictures_with_people_count(made):
    """A lawn in another picture may be as green as it likes."""
    lawns = [made_photo(number, "nature") for number in range(100, 108)]
    result = line_3(sat(GreenLawns([photo.view.ab for photo in lawns]), [*made, *lawns]))

    assert "held" == result.verdict
    assert result.groups["nature"]["green, times the truth's"] > 1.5


def test_without_people_nothing_is_tested():
    result = line_3(sat(Oracle(), [made_photo(1, None), made_photo(2, "animals")]))

    assert "not tested" == result.verdict
    assert "people" in result.figures[0].why_not_tested


def test_a_color_that_the_truth_lacks_altogether_is_undefined_and_fails(made):
    """Nothing in place of nothing is right, anything is not."""
    reds = [
        Photo(name=photo.name, sha256=photo.sha256, rgb=np.ascontiguousarray(photo.rgb[:, :30]), group="people")
        for photo in made
    ]

    assert "held" == line_3(sat(Oracle(), reds)).verdict
    result = line_3(sat(Clothes(GREEN), reds))
    assert figure(result, "green where").value is None
    assert "failed" == result.verdict


@pytest.mark.parametrize("line", [line_3, line_4])
def test_dull_photographs_test_nothing(line, made):
    """Else the truth itself would fail for want of chroma."""
    dull = [
        Photo(name=photo.name, sha256=photo.sha256, rgb=(photo.rgb // 12 + 120).astype(np.uint8), group="people")
        for photo in made
    ]

    result = line(sat(Oracle(), dull))

    assert "not tested" == result.verdict
    assert "too little color" in result.figures[0].why_not_tested


def test_without_photographs_nothing_is_tested():
    assert "not tested" == line_3(sat(Oracle(), [])).verdict
    assert "not tested" == line_4(sat(Oracle(), [])).verdict


@pytest.mark.parametrize("strength", [1.0, 0.2])
def test_red_blotches_fail_however_dull(strength, dull):
    result = line_4(sat(Blotches([photo.view.ab for photo in dull], strength=strength), dull))

    assert 1 == figure(result, "blotches in a picture").value
    assert 1 == figure(result, "red to violet").value
    assert "failed" == result.verdict
    assert 6 == len(result.examples)


def test_a_blotch_on_every_twentieth_picture_is_the_limit(dull):
    truths = [photo.view.ab for photo in dull]

    assert "held" == line_4(sat(Blotches(truths, every=20), dull)).verdict
    result = line_4(sat(Blotches(truths, every=14), dull))
    assert "failed" == result.verdict
    assert {"0.png", "14.png"} == {example.name for example in result.examples}


def test_lonely_pixels_are_no_blotch(dull):
    """As many, but none beside another."""
    result = line_4(sat(Blotches([photo.view.ab for photo in dull], scattered=True), dull))

    assert 0 == figure(result, "blotches in a picture").value


def test_a_blotch_must_be_larger_than_a_speck(dull):
    """3 x 3 of 3600 pixels are .25 %, 4 x 4 are .44 %."""
    truths = [photo.view.ab for photo in dull]

    assert 0 == figure(line_4(sat(Blotches(truths, side=3), dull)), "blotches").value
    assert 1 == figure(line_4(sat(Blotches(truths, side=4), dull)), "blotches").value


@pytest.mark.shared
def test_blotches_on_photographs_fail(real):
    class Red(Oracle):
        def spoil(self, ab, views):
            spoilt = ab.clone()
            is_dull = torch.hypot(ab[:, 0], ab[:, 1]) < 15
            for picture, place in zip(spoilt, is_dull, strict=True):
                row, column = (int(x) for x in place.nonzero()[place.sum() // 2])
                picture[:, max(0, row - 8) : row + 8, max(0, column - 8) : column + 8] = colored(70.0, 35.0)
            return spoilt

    assert "failed" == line_4(sat(Red(), real)).verdict


def test_the_demand_for_chroma_is_of_the_asked_pictures(made):
    sitting = sat(Oracle(), made)

    assert "held" == matched_chroma(sitting, range(len(made))).verdict
    assert "not tested" == matched_chroma(sitting, []).verdict


def test_the_worst_photographs_come_first_and_right_ones_never(made):
    examples = worst_photos(made, [0.0, 3.0, -1.0, 5.0, 1.0, 2.0, 4.0, 6.0], lambda index: made[index].view.ab)

    assert ["7.png", "3.png", "6.png", "1.png", "5.png", "4.png"] == [example.name for example in examples]
