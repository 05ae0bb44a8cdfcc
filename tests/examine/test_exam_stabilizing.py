"""Lines 13 and 15: colors that smoothing washes out, and colors that cross a cut."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Oracle, Tint

from videocolor.examine.clips import clip_loaders
from videocolor.examine.lines.stabilizing import line_13, line_15
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.views import Clip, Material, Photo, View

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SIDE = 80
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason="needs the photographs and films of ../shared")


def made_photo(number):
    """Blobs of color, and patches of brightness that motion can be found on."""
    generator = torch.Generator().manual_seed(number)
    color, texture = torch.rand(1, 3, 4, 4, generator=generator), torch.rand(1, 1, 14, 14, generator=generator)
    blobs, patches = (F.interpolate(part, size=(SIDE, SIDE), mode="bicubic") for part in (color, texture))
    rgb = (0.4 * blobs + 0.6 * patches).clamp(0, 1)[0].permute(1, 2, 0)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8))


def made_clip(number, *, frames=14, height=64):
    """A window that moves across such a picture."""
    view = made_photo(number).view
    views = (
        View(lightness=view.lightness[:, :height, n : n + 64], ab=view.ab[:, :height, n : n + 64], is_still=False)
        for n in range(frames)
    )
    return Clip(name=f"{number}.mkv", views=tuple(views))


def sat(subject, *, photos=(), clips=(), **settings):
    clips = tuple(lambda clip=clip: clip for clip in clips)
    return Sitting(subject, Material(photos=tuple(photos), clips=clips, side=SIDE), ExamSettings(**settings))


def values(result):
    return [figure.value for figure in result.figures]


def verdicts(result):
    return [figure.verdict for figure in result.figures]


class Turning(Oracle):
    """Hues that are turned by an angle to one side and the other from frame to frame."""

    def __init__(self, degrees):
        self.angle = torch.deg2rad(torch.tensor(degrees))

    def spoil(self, ab, views):
        angle = self.angle * torch.tensor([1.0, -1.0]).repeat(len(views))[: len(views), None, None]
        a, b = ab[:, 0], ab[:, 1]
        return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=1)


class Remembering(Oracle):
    """Its first frame of a shot keeps something of the last one that it saw."""

    last = 0.0

    def spoil(self, ab, views):
        spoilt = ab.clone()
        spoilt[0] += 0.1 * self.last
        self.last = ab[-1].mean(dim=(1, 2), keepdim=True)
        return spoilt


def test_steady_true_colors_pass_both():
    clips = [made_clip(n) for n in (1, 2, 3)]

    washed_out, old_colors = line_13(sat(Oracle(), clips=clips)), line_15(sat(Oracle(), clips=clips))

    assert ("held", "held") == (washed_out.verdict, old_colors.verdict)
    assert [1, 0, 0, 2] == values(old_colors)
    assert ["1.mkv", "2.mkv", "3.mkv"] == list(washed_out.groups)


@pytest.mark.shared
@needs_shared
def test_true_colors_of_real_films_pass_both():
    """Colors of real film are not constant along the motion; .98 of the chroma stays, and hues turn by 3 degrees."""
    films = [DATA / "media" / f"davis-{name}.mp4" for name in ("camel", "kite-surf", "horsejump-high")]
    sitting = Sitting(Oracle(), Material(clips=clip_loaders(films, frames=12, width=240)))

    assert "held" == line_13(sitting).verdict
    assert [1, 0, 0, 2] == values(line_15(sitting))


@pytest.mark.shared
@needs_shared
def test_pans_over_real_photographs_join_with_a_cut_that_is_found():
    photos, _ = load_photos([DATA / "val"], limit=12, side=128)

    assert [1, 0, 0, 6] == values(line_15(Sitting(Oracle(), Material(photos=photos))))


@pytest.mark.parametrize("subject", [Gray(), Tint()], ids=lambda subject: subject.name)
def test_no_color_fails_13(subject):
    result = line_13(sat(subject, clips=[made_clip(1)]))

    assert "failed" == verdicts(result)[0] == result.verdict
    assert (None, None) == (values(result)[1], values(result)[2]) or subject.name != "gray"


def test_colors_that_smoothing_averages_to_gray_fail_13():
    """Of hues 150 degrees apart a quarter of the chroma is left."""
    result = line_13(sat(Turning(75.0), clips=[made_clip(1), made_clip(2)]))

    assert ["held", "failed", "failed"] == verdicts(result)
    assert values(result)[1] == pytest.approx(np.cos(np.deg2rad(75)), abs=0.1)
    assert result.examples[0].badness > 0.5


def test_hues_that_smoothing_turns_fail_13_although_both_ways_cancel():
    result = line_13(sat(Turning(15.0), clips=[made_clip(1), made_clip(2)]))

    assert ["held", "held", "failed"] == verdicts(result)
    assert values(result)[2] == pytest.approx(15, abs=2)


def test_where_nothing_is_smoothed_13_is_not_tested():
    """Without a filter, and of single frames, nothing can be lost: to hold the line would be no merit."""
    unsmoothed = line_13(sat(Oracle(), clips=[made_clip(1)], smoothing="none"))
    single = line_13(sat(Oracle(), clips=[made_clip(1, frames=1)]))

    assert ("not tested", "not tested") == (unsmoothed.verdict, single.verdict)
    assert "smoothing" in unsmoothed.figures[0].why_not_tested
    assert "two frames" in single.figures[0].why_not_tested


def test_single_frames_do_not_count_beside_longer_clips():
    result = line_13(sat(Turning(75.0), clips=[made_clip(1), made_clip(2, frames=1)]))

    assert ["1.mkv"] == list(result.groups)
    assert "failed" == result.verdict


def test_memory_across_a_cut_fails_15():
    result = line_15(sat(Remembering(), clips=[made_clip(n) for n in (1, 2, 3)]))

    assert ["held", "failed", "failed", None] == verdicts(result)
    assert result.examples[0].badness > 0


def test_a_cut_that_nobody_finds_fails_15():
    """Where every frame is another picture, no change stands out; the old colors go on through the smoothing."""

    def storm(first, color):
        generator = torch.Generator().manual_seed(first)
        views = (
            View(
                lightness=100 * F.interpolate(torch.rand(1, 1, 12, 12, generator=generator), size=(64, 64))[0],
                ab=torch.full((2, 64, 64), color),
                is_still=False,
            )
            for _ in range(12)
        )
        return Clip(name=f"storm {first}", views=tuple(views))

    result = line_15(sat(Oracle(), clips=[storm(1, 20.0), storm(2, -20.0)]))

    assert 0 == values(result)[0]
    assert "failed" == result.verdict


def test_takes_of_one_scene_and_blank_frames_are_no_cuts():
    clip, black = made_clip(1), View(lightness=torch.zeros(1, 64, 64), ab=torch.zeros(2, 64, 64))

    assert "not tested" == line_15(sat(Oracle(), clips=[clip, made_clip(1, frames=8)][::-1])).verdict
    assert "not tested" == line_15(sat(Oracle(), clips=[clip, Clip(name="black", views=(black,) * 12)])).verdict
    assert "not tested" == line_15(sat(Oracle(), clips=[clip, made_clip(2, frames=3)])).verdict


def test_clips_of_other_sizes_are_cut_to_one():
    assert [1, 0, 0, 1] == values(line_15(sat(Oracle(), clips=[made_clip(1), made_clip(2, height=50)])))


def test_one_clip_makes_no_cut_but_photographs_do():
    photos = [made_photo(n) for n in (1, 2, 3)]

    assert [1, 0, 0, 2] == values(line_15(sat(Oracle(), photos=photos, clips=[made_clip(4)])))
    assert "pan over 2.png behind pan over 1.png" == line_15(sat(Oracle(), photos=photos)).examples[0].name


def test_what_is_missing_is_not_tested():
    faint = [View(lightness=v.lightness, ab=0.1 * v.ab, is_still=False) for v in made_clip(1).views]

    assert "not tested" == line_13(sat(Oracle(), photos=[made_photo(1)])).verdict
    assert "not tested" == line_13(sat(Oracle(), clips=[Clip(name="faint", views=tuple(faint))])).verdict
    assert "not tested" == line_15(sat(Oracle(), clips=[made_clip(1)])).verdict
