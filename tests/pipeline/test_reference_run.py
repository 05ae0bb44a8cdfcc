"""A whole run with references: the result's chroma is the person's, whatever network and filter come behind."""

import numpy as np
import pytest
import torch
from made_films import decode
from moving_scenes import square_scene, two_tone
from painted_films import paint, write_luma
from runs import colorize
from tiny_parts import make_colored

from videocolor.core.media import PixelLayout
from videocolor.errors import Interrupted, ResumeError, SettingsError
from videocolor.merge.merge import MergeSettings, merge_frame
from videocolor.pipeline.film import RunOptions

RED, GREEN = (30.0, 20.0), (-25.0, 20.0)
CUT, COUNT, PAINTED = 10, 16, 4
# Frames that are asked for before a picture is carried: those of the plan, and those that the picture is compared with.
COMPARED = COUNT + PAINTED + 8 + 1
SCENES = square_scene(lambda number: (30, 20 + 3 * number)), square_scene(lambda number: (20, 100))


def luma(number):
    return SCENES[0].luma(number) if number < CUT else SCENES[1].luma(number)[::-1, ::-1]


@pytest.fixture
def film(tmp_path):
    return write_luma(tmp_path / "film.mkv", map(luma, range(COUNT)))


@pytest.fixture
def references(tmp_path):
    ab = two_tone(SCENES[0].inside(PAINTED), RED, GREEN)
    return (str(paint(tmp_path / "painted" / f"frame_{PAINTED:06}.png", luma(PAINTED), ab).parent),)


def run(film, target, **values):
    return colorize(film, target, codec="ffv1", **values)


def chroma_of(ab, y):
    """Cb and Cr that a color has under a luma, in the result's 4:2:0."""
    layout = PixelLayout(
        name="yuv420p",
        bit_depth=8,
        chroma="420",
        full_range=True,
        matrix="bt601",
        primaries="bt709",
        transfer="sdr",
        siting="left",
    )
    settings = MergeSettings(source=layout, chroma="420", steps=(2, 2), bit_depth=8, siting="left")
    merged = merge_frame(make_colored(y, torch.from_numpy(ab).permute(2, 0, 1), layout=layout), settings)
    return np.stack([merged.u, merged.v]).astype(float)


def error_at(result, number, mask=None):
    """Mean distance, in codes, of a frame's chroma from what was painted."""
    ab = two_tone(SCENES[0].inside(number), RED, GREEN)
    difference = np.abs(np.stack(result.chroma[number]) - chroma_of(ab, luma(number)))
    return difference.mean() if mask is None else difference[:, mask[::2, ::2]].mean()


@pytest.mark.parametrize("smoothing", ["none", "flow", "ema"])
def test_the_painted_frame_shows_the_person_s_colors(tmp_path, film, references, smoothing):
    run(film, tmp_path / "out.mkv", smoothing=smoothing, references=references)

    result = decode(tmp_path / "out.mkv")
    assert error_at(result, PAINTED) < {"none": 0.5, "flow": 1, "ema": 3}[smoothing]
    assert all(np.array_equal(luma(number), result.luma[number]) for number in range(COUNT))


@pytest.mark.parametrize("keyframes", [None, 4])
def test_the_shot_follows_it(tmp_path, film, references, keyframes):
    run(film, tmp_path / "out.mkv", references=references, keyframes=keyframes)

    result = decode(tmp_path / "out.mkv")
    for number in range(CUT):
        assert error_at(result, number, SCENES[0].inside(number, less=16)) < 1.5


def test_other_shots_are_as_without(tmp_path, film, references):
    run(film, tmp_path / "with.mkv", references=references)
    run(film, tmp_path / "without.mkv")

    with_them, without = decode(tmp_path / "with.mkv"), decode(tmp_path / "without.mkv")
    for number in range(CUT, COUNT):
        assert all(np.array_equal(a, b) for a, b in zip(with_them.chroma[number], without.chroma[number], strict=True))


def stopped(film, target, references, *, after):
    """A run that Ctrl+C ends when it was asked a number of times."""
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > after

    with pytest.raises(Interrupted):
        run(film, target, references=references, segment_s=0.1, options=RunOptions(should_stop=should_stop))


@pytest.mark.parametrize("after", [COMPARED - 3, COMPARED + 6, COMPARED + CUT + PAINTED])
def test_a_stopped_run_gives_the_same_film(tmp_path, film, references, after):
    """Stopped where pictures are compared, in the pass that carries the colors, or behind the first segment."""
    run(film, tmp_path / "whole.mkv", references=references, segment_s=0.1)
    stopped(film, tmp_path / "out.mkv", references, after=after)

    run(film, tmp_path / "out.mkv", references=references, segment_s=0.1)

    whole, out = decode(tmp_path / "whole.mkv"), decode(tmp_path / "out.mkv")
    assert COUNT == len(out.chroma)
    for a, b in zip(whole.chroma, out.chroma, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def test_other_pictures_are_told_when_a_run_goes_on(tmp_path, film, references):
    stopped(film, tmp_path / "out.mkv", references, after=COMPARED + CUT + PAINTED)
    paint(tmp_path / "painted" / f"frame_{PAINTED:06}.png", luma(PAINTED), GREEN)

    with pytest.raises(ResumeError, match=f"reference frame {PAINTED} was '[0-9a-f]+', is '"):
        run(film, tmp_path / "out.mkv", references=references, segment_s=0.1)


def test_a_wrong_picture_ends_the_run_before_a_frame_is_colored(tmp_path, film):
    wrong = paint(tmp_path / "painted" / "frame_3.png", luma(PAINTED), RED)

    with pytest.raises(SettingsError, match=f"shows frame {PAINTED}"):
        run(film, tmp_path / "out.mkv", references=(str(wrong),))
    assert not (tmp_path / "out.mkv").exists()
