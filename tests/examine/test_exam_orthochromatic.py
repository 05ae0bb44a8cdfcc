"""Line 18: film that does not see red."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle
from watched_sitting import WatchedSitting

from videocolor.examine.lines.orthochromatic import line_18, orthochromatic
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Material, Photo

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
TAGGED = (47, 135, 137, 144, 146, 147, 159, 161, 173, 174, 177, 184)
SIDE = 64


def made_photo(number):
    """Blocks about one color of the picture's own: every other picture is reddish."""
    generator = np.random.default_rng(number)
    middle = generator.integers(70, 186, 3)
    if number % 2:
        middle = np.array([180, 80, 70])
    blocks = (middle + generator.integers(-60, 61, (8, 8, 3))).clip(0, 255).astype(np.uint8)
    rgb = blocks.repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=rgb, group="interiors")


def sat(subject, photos):
    return Sitting(subject, Material(photos=tuple(photos), side=SIDE))


def figure(result, name):
    return next(item for item in result.figures if item.name.startswith(name))


def failed(result):
    return [item.name.split(",")[0].split(":")[0] for item in result.figures if item.verdict == "failed"]


class Knowing(Oracle):
    """Tells photographs as they are from those that film saw otherwise."""

    def __init__(self, photos):
        self.known = [(photo.view.ab, photo.view.lightness) for photo in photos]

    def darkening(self, views):
        """(N, 1, H, W), by how much each view is darker than the photograph."""
        own = [next(plane for ab, plane in self.known if torch.equal(ab, view.ab)) for view in views]
        return torch.stack(own) - torch.stack([view.lightness for view in views])


class RedIsDark(Knowing):
    """Takes what is darker than usual for something else: foliage."""

    def spoil(self, ab, views):
        return torch.where(self.darkening(views) > 4, torch.tensor([-12.0, 12.0])[:, None, None], ab)


class Offset(Knowing):
    """A cast on plain grays, another one on those of the film."""

    def __init__(self, photos, plain, film):
        super().__init__(photos)
        self.plain, self.film = plain, film

    def spoil(self, ab, views):
        is_film = self.darkening(views).abs().amax(dim=(1, 2, 3), keepdim=True) > 1
        return ab + torch.where(is_film, self.film, self.plain) * torch.tensor([0.6, 0.8])[:, None, None]


class SomeGreenFaces(Oracle):
    """Always as wrong: the skin of every other picture is green on any film."""

    def __init__(self, photos):
        self.wrong = [photo.view.ab for photo in photos[::2]]

    def spoil(self, ab, views):
        is_wrong = torch.tensor([any(torch.equal(truth, view.ab) for truth in self.wrong) for view in views])
        warm = is_wrong[:, None, None, None] & (ab[:, :1] > 2) & (ab[:, 1:] > 2)
        return torch.where(warm, ab * torch.tensor([-1.0, 1.0])[:, None, None], ab)


@pytest.fixture(scope="module")
def made():
    return [made_photo(number) for number in range(20)]


@pytest.fixture(scope="module")
def real():
    if not VAL.is_dir():
        pytest.skip("needs the photographs of ../shared")
    return load_photos([VAL / f"{number:03}.webp" for number in TAGGED], side=128)[0]


def test_red_is_dark_and_blue_is_light():
    """In linear light: .4 of green and .6 of blue, and L* of that. Grays stay."""
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255)]
    photo = Photo(name="", sha256="", rgb=np.array([colors], np.uint8))

    view = orthochromatic(photo)

    expected = [0, 116 * 0.4 ** (1 / 3) - 16, 116 * 0.6 ** (1 / 3) - 16, 53.585, 100]
    assert expected == pytest.approx(view.lightness[0, 0].tolist(), abs=1e-2)
    assert torch.equal(photo.view.ab, view.ab)
    assert view.is_still


def test_the_oracle_passes_on_made_pictures(made):
    result = line_18(sat(Oracle(), made))

    assert "held" == result.verdict, result.figures
    assert pytest.approx(1) == figure(result, "r2 of").value
    assert "not tested" == figure(result, "skin").verdict
    assert "r2" in result.groups["interiors"]


@pytest.mark.shared
def test_the_oracle_passes_on_photographs(real):
    result = line_18(sat(Oracle(), real))

    assert "held" == result.verdict, result.figures
    assert 1 == figure(result, "skin").value


def test_gray_fails(made):
    result = line_18(sat(Gray(), made))

    assert ["r2 of the pictures' mean colors"] == failed(result)
    assert figure(result, "r2 of").value is None


@pytest.mark.shared
def test_gray_skin_fails(real):
    """Nothing of nothing is undefined."""
    result = line_18(sat(Gray(), real))

    assert "failed" == figure(result, "skin").verdict
    assert figure(result, "skin").value is None


def test_what_falls_apart_where_red_is_dark_fails(made):
    result = line_18(sat(RedIsDark(made), made))

    assert "r2 of the pictures' mean colors" in failed(result)
    assert result.examples[0].name.endswith(".png, orthochromatic")
    number = int(result.examples[0].name.split(".")[0])
    assert torch.equal(made[number].view.lightness, result.examples[0].lightness)


@pytest.mark.shared
def test_skin_that_falls_apart_fails(real):
    result = line_18(sat(RedIsDark(real), real))

    assert "skin boxes of skin's hue and chroma" in failed(result)


@pytest.mark.parametrize(
    ("plain", "film", "verdict"),
    [(0.1, 1.0, "held"), (0.1, 4.5, "failed"), (5.0, 5.5, "held"), (5.0, 8.0, "failed")],
)
def test_a_cast_may_grow_by_a_quarter_or_up_to_what_line_9_allows(plain, film, verdict, made):
    result = line_18(sat(Offset(made, plain, film), made))

    assert verdict == figure(result, "cast: mean offset").verdict


@pytest.mark.shared
def test_who_is_as_wrong_on_any_film_loses_nothing(real):
    """What is wrong on plain grays is the matter of lines 7 and 9."""
    result = line_18(sat(SomeGreenFaces(real), real))

    assert "held" == result.verdict, result.figures
    assert 1 == figure(result, "skin boxes of skin's hue and chroma, share of those").value
    assert figure(result, "skin boxes of skin's hue and chroma, share of all").value < 0.7


def test_answers_are_not_kept_for_all_photographs(made):
    """A batch of 16, and the examples: the number of photographs is without limit."""
    sitting = WatchedSitting(Oracle(), Material(photos=tuple(made * 3), side=SIDE))

    assert "held" == line_18(sitting).verdict
    assert sitting.most_held <= 24


def test_few_photographs_test_nothing(made):
    assert "not tested" == line_18(sat(Oracle(), [])).verdict
    result = line_18(sat(Oracle(), made[:9]))
    assert "not tested" == result.verdict
    assert {"no photograph with known skin", "needs at least 10 photographs"} == {
        item.why_not_tested for item in result.figures
    }
