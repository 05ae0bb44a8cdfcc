"""Lines 14 and 16: damaged pictures, and other takes of one scene."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Guesser, Oracle
from watched_sitting import WatchedSitting

from videocolor.examine.lines.robustness import line_14, line_16
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Clip, Material, Photo, View

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 80


def made_photo(number, *, strength=0.5):
    """Blobs of color, smooth and brighter on the left."""
    generator = torch.Generator().manual_seed(number)
    blobs = F.interpolate(torch.rand(1, 3, 5, 5, generator=generator), size=(SIDE, SIDE), mode="bicubic")
    ramp = torch.linspace(0.4, 0.1, SIDE)
    rgb = (ramp + strength * blobs).clamp(0, 1)[0].permute(1, 2, 0)
    group = "nature" if number % 2 else "people"
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group=group)


def sat(subject, photos=None, clips=()):
    photos = [made_photo(n) for n in range(4)] if photos is None else photos
    return Sitting(
        subject, Material(photos=tuple(photos), clips=tuple(lambda clip=clip: clip for clip in clips), side=SIDE)
    )


def figure(result, words):
    return next(item for item in result.figures if words in item.name)


def turned(ab, degrees):
    """Colors of other hues; one angle for each picture."""
    angle = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float32))[:, None, None]
    a, b = ab.unbind(dim=1)
    return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=1)


def lightness_of(views):
    return torch.stack([view.lightness for view in views])


def roughness(views):
    """(N,) how much neighboring pixels differ."""
    return lightness_of(views).diff(dim=3).abs().mean(dim=(1, 2, 3))


class Quarter(Oracle):
    stride = 4


class PalesUnderNoise(Oracle):
    """Gray where grain makes neighbors differ."""

    def spoil(self, ab, views):
        return ab * torch.where(roughness(views) > 4, 0.5, 1.0)[:, None, None, None]


class WrongUnderNoise(Oracle):
    """As colorful as ever, but of other hues."""

    def spoil(self, ab, views):
        return turned(ab, torch.where(roughness(views) > 4, 90.0, 0.0))


class PalesWhenSoft(Oracle):
    """Gray where there are no steps, as after a blur."""

    def spoil(self, ab, views):
        steps = lightness_of(views).diff(dim=3).diff(dim=3).abs().amax(dim=(1, 2, 3))
        return ab * torch.where(steps < 12, 0.2, 1.0)[:, None, None, None]


class FollowsTheLight(Oracle):
    """Other hues if the right half is the brighter one: the mirror image of a picture that is bright on the left."""

    def spoil(self, ab, views):
        light = lightness_of(views)
        half = light.shape[3] // 2
        is_mirrored = light[..., half:].mean(dim=(1, 2, 3)) > light[..., :half].mean(dim=(1, 2, 3))
        return turned(ab, torch.where(is_mirrored, 30.0, 0.0))


class FollowsBrightness(Oracle):
    """Hues turn by 8 degrees for each unit of the mean lightness."""

    def spoil(self, ab, views):
        return turned(ab, 8 * lightness_of(views).mean(dim=(1, 2, 3)))


class FollowsTheFrame(Oracle):
    """Hues depend on the size of the picture."""

    def spoil(self, ab, views):
        return turned(ab, torch.full((len(ab),), 3.0 * ab.shape[2]))


class PalesWhenMirrored(FollowsTheLight):
    """No color at all in place of other hues."""

    def spoil(self, ab, views):
        is_same = (super().spoil(ab, views) == ab).all(dim=(1, 2, 3), keepdim=True)
        return ab * is_same


def sharp_photo(number):
    """With one step from dark to bright, which a blur takes away."""
    photo = made_photo(number)
    rgb = photo.rgb.copy()
    rgb[:, SIDE // 2 :] //= 3
    return Photo(name=photo.name, sha256=photo.sha256, rgb=rgb, group=photo.group)


@pytest.mark.parametrize("line", [line_14, line_16])
@pytest.mark.parametrize("oracle", [Oracle, Quarter])
def test_the_oracle_passes(line, oracle):
    assert line(sat(oracle())).verdict == "held"


def test_colors_are_judged_on_the_clean_lightness():
    """Who answers the same to damaged pictures loses nothing at all."""
    figures = line_14(sat(Oracle())).figures

    assert [0, 0, 0] == [item.value for item in figures if "loss" in item.name]
    assert [1, 1, 1] == [pytest.approx(item.value, abs=1e-3) for item in figures if "colorfulness" in item.name]


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_the_oracle_passes_on_photographs():
    photos, _ = load_photos([VAL], limit=12)

    sitting = sat(Quarter(), photos)

    assert [line(sitting).verdict for line in (line_14, line_16)] == ["held", "held"]


@pytest.mark.parametrize("line", [line_14, line_16])
def test_gray_does_not_pass_by_having_nothing_to_lose(line):
    result = line(sat(Gray()))

    assert result.verdict == "failed"
    assert figure(result, "mean chroma").verdict == "failed"
    assert {None} == {item.value for item in result.figures if "colorfulness" in item.name or "hue" in item.name}


def test_colors_that_collapse_under_noise_fail():
    result = line_14(sat(PalesUnderNoise()))

    assert figure(result, "grain of 8 L*: colorfulness").value == pytest.approx(0.5, abs=0.1)
    assert figure(result, "grain of 8 L*: colorfulness").verdict == "failed"
    assert figure(result, "JPEG 30: colorfulness").verdict == "held"
    assert figure(result, "blur of 1.5 pixels: colorfulness").verdict == "held"
    assert "grain" in result.examples[0].name


def test_colors_that_turn_wrong_under_noise_fail_by_their_distance_from_the_truth():
    result = line_14(sat(WrongUnderNoise()))

    assert figure(result, "grain of 8 L*: loss").verdict == "failed"
    assert figure(result, "grain of 8 L*: colorfulness").verdict == "held"
    assert {"nature", "people"} == set(result.groups)


def test_colors_that_need_sharp_pictures_fail():
    result = line_14(sat(PalesWhenSoft(), [sharp_photo(n) for n in range(3)]))

    assert figure(result, "blur of 1.5 pixels: colorfulness").verdict == "failed"
    assert figure(result, "grain of 8 L*: colorfulness").verdict == "held"


def test_answers_are_not_kept_for_all_photographs():
    """A batch of 16, and the examples of all damages: the number of photographs is without limit."""
    photos = tuple(made_photo(n) for n in range(80))
    sitting = WatchedSitting(Oracle(), Material(photos=photos, side=SIDE))

    assert "held" == line_14(sitting).verdict
    assert sitting.most_held <= 40


def test_damage_is_the_same_in_every_examination():
    one, other = (line_14(sat(PalesUnderNoise())) for _ in range(2))

    assert one.figures == other.figures


@pytest.mark.parametrize(
    ("subject", "take"),
    [(FollowsTheLight(), "mirrored"), (FollowsBrightness(), "gamma"), (FollowsTheFrame(), "cropped")],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_colors_that_depend_on_the_take_fail(subject, take):
    result = line_16(sat(subject))

    assert figure(result, take).verdict == "failed"
    assert take in result.examples[0].name
    assert result.examples[0].lightness.shape == result.examples[1].lightness.shape


def test_the_angle_is_the_one_that_was_put_in():
    result = line_16(sat(FollowsTheLight()))

    assert figure(result, "mirrored").value == pytest.approx(30, abs=0.1)
    assert figure(result, "gamma").value == pytest.approx(0, abs=0.1)


def test_a_color_that_is_lost_counts_as_the_opposite_one():
    assert figure(line_16(sat(PalesWhenMirrored())), "mirrored").value == 180


def test_takes_of_clips_are_compared_whose_colors_nobody_knows():
    views = [View(lightness=made_photo(n).view.lightness[:, :, : 60 + n], ab=None, is_still=False) for n in (0, 1)]
    clips = [Clip(name=f"{n}.mkv", views=(view,) * 3) for n, view in enumerate(views)]

    sitting = sat(Guesser(), [], clips)

    assert (line_14(sitting).verdict, line_16(sitting).verdict) == ("not tested", "held")


@pytest.mark.parametrize("line", [line_14, line_16])
def test_without_anything_nothing_is_tested(line):
    assert line(sat(Oracle(), [])).verdict == "not tested"


@pytest.mark.parametrize("line", [line_14, line_16])
def test_nobody_can_be_colorful_on_pictures_that_are_not(line):
    assert line(sat(Oracle(), [made_photo(n, strength=0.05) for n in range(2)])).verdict == "not tested"
