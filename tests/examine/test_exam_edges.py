"""Lines 8 and 12: colors that bleed over edges, fade at the rim, or lie on black bars."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Guesser, Oracle, Tint

from videocolor.examine.lines.edges import line_8, line_12
from videocolor.examine.made_pictures import bar_rows, textured_disc, with_bars
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Clip, Material, Photo, View

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 64


def made_photo(number, *, strength=0.5):
    """Blobs of color up to the rim."""
    generator = torch.Generator().manual_seed(number)
    blobs = F.interpolate(torch.rand(1, 3, 6, 6, generator=generator), size=(SIDE, SIDE), mode="bicubic")
    rgb = (0.2 + strength * blobs).clamp(0, 1)[0].permute(1, 2, 0)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group="nature")


def sat(subject, photos=None, clips=()):
    photos = [made_photo(n) for n in range(6)] if photos is None else photos
    return Sitting(
        subject, Material(photos=tuple(photos), clips=tuple(lambda clip=clip: clip for clip in clips), side=SIDE)
    )


def figure(result, words):
    return next(item for item in result.figures if words in item.name)


class Quarter(Oracle):
    stride = 4


class Small(Oracle):
    """Whatever it sees, its answer has few pixels."""

    def answer(self, views, side=None):
        return F.interpolate(super().answer(views), (12, 16), mode="area")


class Bleeds(Oracle):
    """The truth, but blurred over two dozen pixels."""

    def spoil(self, ab, views):
        height, width = ab.shape[2:]
        return F.interpolate(
            F.interpolate(ab, (height // 24, width // 24), mode="area"), (height, width), mode="bilinear"
        )


class Rim(Oracle):
    """The truth, but for the outer 5 %."""

    def __init__(self, factor):
        self.factor = factor

    def spoil(self, ab, views):
        rim = round(0.05 * ab.shape[2])
        factors = torch.full(ab.shape[2:], self.factor)
        factors[rim:-rim, rim:-rim] = 1
        return ab * factors


class TintedBlack(Oracle):
    """The truth, but brown where there is nothing to see."""

    def spoil(self, ab, views):
        black = torch.stack([view.lightness for view in views]) < 1
        return torch.where(black, torch.tensor([3.0, 8.0])[:, None, None], ab)


@pytest.mark.parametrize("line", [line_8, line_12])
@pytest.mark.parametrize("oracle", [Oracle, Quarter])
def test_the_oracle_passes(line, oracle):
    assert line(sat(oracle())).verdict == "held"


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_the_oracle_passes_on_photographs():
    photos, _ = load_photos([VAL], limit=12)

    assert line_12(sat(Quarter(), photos)).verdict == "held"


def test_a_disc_has_one_color_and_the_same_look_at_any_size():
    small, large = textured_disc(120, seed=3), textured_disc(480, seed=3)

    inside, outside = large.depth > 1, large.depth < -1
    assert torch.equal(large.view.ab[:, inside], large.color[:, None].expand(-1, int(inside.sum())))
    assert float(large.view.ab[:, outside].abs().max()) == 0
    assert float(inside.float().mean()) == pytest.approx(torch.pi * 0.3**2 * 3 / 4, rel=0.02)
    shrunk = F.interpolate(large.view.lightness[None], size=small.view.size, mode="area")[0]
    assert float((shrunk - small.view.lightness).abs().mean()) < 1


def test_an_answer_of_few_pixels_bleeds():
    result = line_8(sat(Small()))

    verdicts = {item.name: item.verdict for item in result.figures}
    assert verdicts["leak of true colors at 480 lines"] == "failed"
    assert verdicts["pixels to 80 % of the step at 480 lines"] == "failed"
    assert verdicts["leak of true colors at 1080 lines"] == "failed"


def test_colors_that_bleed_by_themselves_are_told_and_not_judged():
    """Nobody knows which color a made disc should get."""
    sharp, blurred = (figure(line_8(sat(subject)), "model's colors at 480") for subject in (Oracle(), Bleeds()))

    assert sharp.value < 0.01 < 0.1 < blurred.value
    assert blurred.verdict is None


def test_a_disc_that_stays_gray_has_no_leak_of_its_own():
    assert figure(line_8(sat(Gray())), "model's colors at 480").value is None


def test_the_step_is_measured_where_the_enlargement_puts_it():
    """Steps of 10 pixels: a bicubic step response passes 80 % between a third and two fifths of a sample."""

    class Tenth(Oracle):
        stride = 10

    assert 3 < figure(line_8(sat(Tenth())), "pixels to 80 % of the step at 480").value < 4.2


def test_a_rim_that_is_pale_in_truth_may_be_pale():
    photos = [made_photo(n) for n in range(3)]
    for photo in photos:
        photo.rgb[:2] = photo.rgb[-2:] = 128
        photo.rgb[:, :2] = photo.rgb[:, -2:] = 128
        photo.rgb[::2, 0] = (140, 120, 110)

    assert figure(line_12(sat(Oracle(), photos)), "rim").value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("factor", [0.0, 0.3, 2.0])
def test_a_rim_of_other_strength_fails(factor):
    result = line_12(sat(Rim(factor)))

    assert figure(result, "rim").verdict == "failed"
    assert figure(result, "bars").verdict == "held"
    assert result.groups["nature"].keys() == {figure(result, "rim").name}
    assert result.examples


def test_tinted_bars_fail():
    result = line_12(sat(TintedBlack()))

    assert ("held", "failed") == (figure(result, "rim").verdict, figure(result, "bars").verdict)
    assert figure(result, "bars").value == pytest.approx(np.hypot(3, 8), abs=0.01)


def test_gray_has_no_rim():
    rim = figure(line_12(sat(Gray())), "rim")

    assert (None, "failed") == (rim.value, rim.verdict)


def test_one_tint_lies_on_the_bars_as_well():
    assert figure(line_12(sat(Tint())), "bars").verdict == "failed"


def test_bars_are_tested_on_clips_whose_colors_nobody_knows():
    view = View(lightness=made_photo(0).view.lightness, ab=None, is_still=False)

    result = line_12(sat(Guesser(), [], [Clip(name="old.mkv", views=(view,) * 3)]))

    assert ("not tested", "held") == (figure(result, "rim").verdict, figure(result, "bars").verdict)
    assert ["old.mkv, letterboxed"] == [item.name for item in result.examples]


def test_pictures_without_color_have_no_rim_to_compare():
    result = line_12(sat(Oracle(), [made_photo(n, strength=0.0) for n in range(2)]))

    assert figure(result, "rim").verdict == "not tested"


def test_without_anything_bars_are_not_tested():
    assert line_12(sat(Oracle(), [])).verdict == "not tested"


def test_bars_are_black_and_leave_the_picture_alone():
    view = made_photo(1).view
    barred, rows = with_bars(view, 0.125), bar_rows(view, 0.125)

    assert rows == SIDE // 8
    assert float(barred.lightness[:, :rows].max()) == float(barred.lightness[:, -rows:].max()) == 0
    assert float(barred.ab[:, :rows].abs().max()) == 0
    assert torch.equal(view.lightness[:, rows:-rows], barred.lightness[:, rows:-rows])
    assert torch.equal(view.ab, made_photo(1).view.ab)
