"""Lines 9, 10 and 17: casts, pictures without color, tinted neutral things."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle, Tint

from videocolor.examine.colors import MeanColors, chroma
from videocolor.examine.lines.casts import line_9, line_10, line_17, neutral_pictures
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Material, Photo

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 64
LINES = [line_9, line_10, line_17]


def made_photo(number):
    """Blocks about one color of the picture's own, and a gray quarter."""
    generator = np.random.default_rng(number)
    middle = generator.integers(70, 186, 3)
    blocks = (middle + generator.integers(-60, 61, (8, 8, 3))).clip(0, 255).astype(np.uint8)
    blocks[4:, 4:] = blocks[4:, 4:, :1]
    rgb = blocks.repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=rgb, group="interiors")


def sat(subject, photos, **settings):
    return Sitting(subject, Material(photos=tuple(photos), side=SIDE), **settings)


def figure(result, name):
    return next(item for item in result.figures if item.name.startswith(name))


def failed(result):
    return [item.name.split(":")[0] for item in result.figures if item.verdict == "failed"]


def colored(*ab):
    return torch.tensor(ab)[:, None, None]


def is_neutral(views):
    return chroma(torch.stack([view.ab for view in views]))[:, None] < 4


class Dull(Oracle):
    """Half the colors."""

    def spoil(self, ab, views):
        return 0.5 * ab


class Brown(Oracle):
    """Three quarters of the colors, and brown over all."""

    def spoil(self, ab, views):
        return 0.75 * ab + colored(5.0, 12.0)


class Opposite(Oracle):
    """Green for red, blue for yellow."""

    def spoil(self, ab, views):
        return -ab


class Unsure(Oracle):
    """As least squares make it: the mean color of all, and a part of what each picture has of its own."""

    def __init__(self, mean):
        self.mean = mean

    def spoil(self, ab, views):
        own = ab.mean(dim=(2, 3), keepdim=True) - self.mean
        return ab - 0.5 * own


class SomeGray(Oracle):
    """Every `every`-th of the asked pictures has no color."""

    def __init__(self, truths, every):
        self.gray = truths[::every]

    def spoil(self, ab, views):
        factors = [0.2 if any(torch.equal(view.ab, truth) for truth in self.gray) else 1.0 for view in views]
        return ab * torch.tensor(factors)[:, None, None, None]


class TintedNeutral(Oracle):
    """Right but for what is neutral."""

    def spoil(self, ab, views):
        return torch.where(is_neutral(views), colored(4.0, 12.0), ab)


class TintedBlank(Oracle):
    """Right but for pictures that are neutral all over."""

    def spoil(self, ab, views):
        blank = is_neutral(views).all(dim=(2, 3), keepdim=True)
        return torch.where(blank, colored(-2.0, -12.0), ab)


@pytest.fixture(scope="module")
def made():
    return [made_photo(number) for number in range(20)]


@pytest.fixture(scope="module")
def real():
    if not VAL.is_dir():
        pytest.skip("needs the photographs of ../shared")
    return load_photos([VAL], side=128, limit=12)[0]


@pytest.mark.parametrize("subject", [Oracle(), Dull()], ids=["oracle", "half the oracle"])
@pytest.mark.parametrize("line", LINES)
def test_the_oracle_passes_on_made_pictures(line, subject, made):
    result = line(sat(subject, made))

    assert "held" == result.verdict, result.figures
    assert ["interiors"] == list(result.groups)


@pytest.mark.shared
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("line", LINES)
def test_the_oracle_passes_on_photographs(line, stride, real):
    subject = Oracle()
    subject.stride = stride

    assert "held" == line(sat(subject, real)).verdict


@pytest.mark.parametrize("line", LINES)
def test_gray_fails(line, made):
    assert "failed" == line(sat(Gray(), made)).verdict


def test_a_gray_answer_follows_nothing(made):
    assert figure(line_9(sat(Gray(), made)), "r2").value is None


@pytest.mark.parametrize("line", LINES)
def test_one_tint_for_all_fails(line, made):
    assert "failed" == line(sat(Tint(), made)).verdict


@pytest.mark.shared
@pytest.mark.parametrize(
    ("line", "subject"), [(line_9, Brown()), (line_9, Tint()), (line_10, Tint()), (line_17, TintedNeutral())]
)
def test_faults_on_photographs_fail(line, subject, real):
    assert "failed" == line(sat(subject, real)).verdict


def test_the_oracle_has_no_cast_and_follows_fully(made):
    result = line_9(sat(Oracle(), made))

    assert pytest.approx(1, abs=1e-4) == figure(result, "r2").value
    assert pytest.approx(0, abs=0.02) == figure(result, "cast").value
    assert pytest.approx(1, abs=1e-3) == figure(result, "gain").value


def test_a_brown_cast_fails_and_is_told_by_its_direction(made):
    """The colors still follow the truth: only the offset is wrong."""
    result = line_9(sat(Brown(), made))

    assert ["cast"] == failed(result)
    assert 3 < figure(result, "its part in a*").value < figure(result, "its part in b*").value
    assert 6 == len(result.examples)


def test_opposite_colors_do_not_count_as_followed(made):
    """Their correlation squared would be 1."""
    result = line_9(sat(Opposite(), made))

    assert 0 == figure(result, "r2").value
    assert "failed" == result.verdict


def test_to_be_unsure_is_no_cast(made):
    """The mean over all pictures is the true one, though each is drawn towards it."""
    warm = [
        Photo(name=photo.name, sha256=photo.sha256, rgb=(photo.rgb * [1.0, 0.9, 0.75]).astype(np.uint8))
        for photo in made
    ]
    mean = torch.stack([photo.view.ab.mean(dim=(1, 2)) for photo in warm]).mean(dim=0)
    assert mean.norm() > 9

    result = line_9(sat(Unsure(mean[:, None, None]), warm))

    assert "held" == result.verdict
    assert figure(result, "cast").value < 1.5


def test_the_figures_of_line_9_by_hand():
    """Three pictures with known means: r2 of (1, 0), (-1, 0), (0, 0) beside (1, 1), (-1, 1), (0, 1), and its cast."""
    true = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    answered = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    colors = MeanColors(
        answered=answered,
        true=true,
        answered_cf=torch.tensor([10.0, 20.0, 30.0], dtype=torch.float64),
        true_cf=torch.tensor([40.0, 40.0, 40.0], dtype=torch.float64),
    )

    assert pytest.approx(2**2 / (2 * 8)) == colors.r2
    assert 0.5 == colors.gain
    assert pytest.approx((0.25 + 1) ** 0.5) == colors.cast
    assert "photographs" in colors.why_not_tested


def test_few_photographs_say_nothing_about_casts(made):
    result = line_9(sat(Oracle(), made[:9]))

    assert "not tested" == result.verdict
    assert "at least 10" in result.figures[0].why_not_tested


@pytest.mark.parametrize(("every", "share"), [(2, 0.5), (10, 0.1), (20, 0.05)])
def test_pictures_left_gray_are_counted(every, share, made):
    result = line_10(sat(SomeGray([photo.view.ab for photo in made], every), made))

    assert pytest.approx(share) == result.figures[0].value
    assert ("failed" if share > 0.05 else "held") == result.verdict
    assert pytest.approx(0.8, abs=0.05) == result.examples[0].badness


def test_photographs_without_much_color_do_not_count(made):
    """Gray in place of next to gray is no fault that anybody sees."""
    dull = [
        Photo(name=photo.name, sha256=photo.sha256, rgb=(photo.rgb // 12 + 120).astype(np.uint8)) for photo in made[:3]
    ]

    assert 17 == figure(line_10(sat(Oracle(), [*made[3:], *dull])), "colorful").value
    assert "not tested" == line_10(sat(Gray(), dull)).verdict


def test_tinted_neutral_things_fail(made):
    result = line_17(sat(TintedNeutral(), made))

    names = ["neutral parts of photographs", "made textured paper", "made fog"]
    assert [f"mean chroma on {name}" for name in names] == failed(result)
    assert {"made textured paper", "made fog"} < {example.name for example in result.examples}


def test_made_pictures_find_what_photographs_do_not_show(made):
    result = line_17(sat(TintedBlank(), made))

    assert ["mean chroma on made textured paper", "mean chroma on made fog"] == failed(result)


def test_photographs_without_neutral_parts_leave_that_figure_out(made):
    warm = [
        Photo(
            name=photo.name,
            sha256=photo.sha256,
            rgb=np.ascontiguousarray(photo.rgb // 2 + [120, 40, 0]).astype(np.uint8),
        )
        for photo in made
    ]

    result = line_17(sat(Oracle(), warm))

    assert "not tested" == figure(result, "mean chroma on neutral").verdict
    assert "held" == result.verdict


@pytest.mark.parametrize("line", LINES)
def test_without_photographs_nothing_is_tested(line):
    assert "not tested" == line(sat(Oracle(), [])).verdict


def test_made_neutral_pictures_are_gray_textured_and_repeatable():
    first, again, other = (neutral_pictures(SIDE, seed=seed) for seed in (3, 3, 4))

    for kind in ("textured paper", "fog"):
        assert 16 == len(first[kind])
        for view, same, different in zip(first[kind], again[kind], other[kind], strict=True):
            assert (SIDE, SIDE) == view.size
            assert 0 == view.ab.abs().max()
            assert 0 <= view.lightness.min() < view.lightness.max() <= 100
            assert 1 < view.lightness.std()
            assert torch.equal(view.lightness, same.lightness)
            assert not torch.equal(view.lightness, different.lightness)
