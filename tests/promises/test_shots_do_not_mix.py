"""Promise: a batch never crosses a cut, and nothing of one shot is carried into the next."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_films import decode, make_film
from runs import TINY_CARD, colorize, tiny_colorizer

from videocolor.core.frames import ChromaBatch

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"


class Watching(type(tiny_colorizer())):
    """Notes the pts of every batch."""

    def predict(self, batch):
        self.batches.append(batch.pts)
        return super().predict(batch)


def watching():
    colorizer = tiny_colorizer()
    colorizer.__class__ = Watching
    colorizer.batches = []
    return colorizer


def test_batches_end_at_cuts(tmp_path):
    source = make_film(tmp_path / "film.mp4", frame_count=50, cuts=(17, 34))
    colorizer = watching()

    report = colorize(source, tmp_path / "out.mp4", batch_size=8, preset="ultrafast", colorizer=colorizer)

    assert [17, 17, 16] == [shot["frames"] for shot in report.shots]
    assert [8, 8, 1, 8, 8, 1, 8, 8] == [len(batch) for batch in colorizer.batches]
    assert decode(source).pts == [pts for batch in colorizer.batches for pts in batch]


each_way = pytest.mark.parametrize(
    "way",
    [{"smoothing": "none"}, {"smoothing": "ema"}, {"smoothing": "flow"}, {"smoothing": "flow", "keyframes": 4}],
    ids=str,
)


@each_way
def test_frames_after_a_cut_know_nothing_of_the_shot_before(tmp_path, way):
    source = make_film(tmp_path / "film.mkv", frame_count=40, cuts=(20,), codec="ffv1", options={})
    values = {"codec": "ffv1", "batch_size": 8, **way}

    colorize(source, tmp_path / "whole.mkv", **values)
    colorize(source, tmp_path / "second.mkv", start="0.8", **values)

    whole, second = decode(tmp_path / "whole.mkv"), decode(tmp_path / "second.mkv")
    assert 20 == len(second.luma)
    for a, b in zip(whole.chroma[20:], second.chroma, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


@each_way
def test_scenes_of_different_colors_do_not_bleed_over_a_cut(tmp_path, way):
    """Every frame of a shot has its shot's own flat color, up to the cut and from the cut on."""
    source = make_film(tmp_path / "film.mkv", frame_count=60, cuts=(20, 41), codec="ffv1", options={})

    colorize(source, tmp_path / "out.mkv", codec="ffv1", colorizer=ShotColors(), saturation=0.5, **way)

    means = [(float(u.mean()), float(v.mean())) for u, v in decode(tmp_path / "out.mkv").chroma]
    for first, end in ((0, 20), (20, 41), (41, 60)):
        levels = np.array(means[first:end])
        # The same ab under another luma is a little another chroma.
        assert np.ptp(levels, axis=0).max() < 3, "codes, over the shot"
    borders = np.abs(np.diff(np.array(means)[[19, 20, 40, 41]], axis=0))[::2]
    assert (borders.max(axis=1) > 6).all(), "the shots do differ"


@pytest.mark.shared
@pytest.mark.parametrize("way", [{"smoothing": "flow"}, {"smoothing": "flow", "keyframes": 4}], ids=str)
def test_no_color_crosses_the_cuts_of_a_real_film(tmp_path, way):
    """A documentary of several shots: from each cut on, the film is the one that begins there."""
    source = MEDIA / "bw-abomb-effects.mp4"
    if not source.exists():
        pytest.skip(f"needs {source}")
    whole = colorize(source, tmp_path / "whole.mkv", codec="ffv1", **way)
    everything = decode(tmp_path / "whole.mkv")
    assert len(whole.shots) >= 4

    for row in whole.shots[1:3]:
        target = tmp_path / f"{row['shot']}.mkv"
        # A little early, as times are rounded: frames from --start on and before --end.
        colorize(source, target, codec="ffv1", start=str(row["start_s"] - 0.01), end=str(row["end_s"] - 0.01), **way)
        alone = decode(target)
        first = everything.pts.index(round(row["start_s"] * 1000))
        together = everything.chroma[first : first + len(alone.chroma)]
        assert row["frames"] == len(alone.chroma)
        for a, b in zip(together, alone.chroma, strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def test_colors_follow_the_shot_not_the_batch(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=20, cuts=(9,), codec="ffv1", options={})

    for size in (1, 5):
        colorize(source, tmp_path / f"{size}.mkv", codec="ffv1", batch_size=size)

    one, five = decode(tmp_path / "1.mkv"), decode(tmp_path / "5.mkv")
    assert max(abs(a[0].astype(int) - b[0]).max() for a, b in zip(one.chroma, five.chroma, strict=True)) <= 1


class ShotColors:
    """Every shot one color, made from the seed that the shot was given."""

    card = TINY_CARD

    def __init__(self):
        self.compute = tiny_colorizer().compute
        self.members = (self,)

    def predict(self, batch):
        import torch

        value = float(batch.context.seed % 80) - 40
        return ChromaBatch(ab=torch.full((len(batch.pts), 2, 8, 8), value))


def test_seed_of_a_shot_does_not_depend_on_where_the_run_begins(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=40, cuts=(20,), codec="ffv1", options={})

    for name, values in {"whole": {}, "second": {"start": "0.8"}}.items():
        colorize(source, tmp_path / f"{name}.mkv", codec="ffv1", colorizer=ShotColors(), **values)

    whole, second = decode(tmp_path / "whole.mkv"), decode(tmp_path / "second.mkv")
    assert np.array_equal(whole.chroma[20][0], second.chroma[0][0])
    assert not np.array_equal(whole.chroma[0][0], whole.chroma[20][0])


def test_shots_that_have_color_keep_it(tmp_path):
    source = make_film(
        tmp_path / "film.mkv", frame_count=45, cuts=(15, 30), tinted=(1,), codec="ffv1", options={}, pix_fmt="yuv422p"
    )

    report = colorize(source, tmp_path / "out.mkv", codec="ffv1", keep_color=True)

    before, after = decode(source), decode(tmp_path / "out.mkv")
    same = [
        np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])
        for a, b in zip(before.chroma, after.chroma, strict=True)
    ]
    assert [False] * 15 + [True] * 15 + [False] * 15 == same
    assert 15 == report.kept_color_frames
    assert all(np.array_equal(a, b) for a, b in zip(before.luma, after.luma, strict=True))


def test_colored_shots_are_replaced_with_a_warning(tmp_path, caplog):
    source = make_film(tmp_path / "film.mkv", frame_count=30, cuts=(15,), tinted=(1,), codec="ffv1", options={})

    report = colorize(source, tmp_path / "out.mkv", codec="ffv1")

    assert "1 of 2 shots have color or a tint already, which is replaced; --keep-color keeps it." in caplog.text
    assert 0 == report.kept_color_frames


@pytest.mark.parametrize(
    ("start", "end", "kept"), [("0.4", None, (10, 30)), (None, "0.48", (0, 12)), ("0.2", "0:00.6", (5, 15))]
)
def test_start_and_end(tmp_path, start, end, kept):
    from made_films import Sound, of_kind

    source = make_film(
        tmp_path / "film.mkv",
        frame_count=30,
        codec="ffv1",
        options={},
        sounds=[Sound(codec="ac3", seconds=1.2)],
        chapters=[
            {"id": 1, "start": 0, "end": 300, "time_base": Fraction(1, 1000), "metadata": {"title": "A"}},
            {"id": 2, "start": 300, "end": 1200, "time_base": Fraction(1, 1000), "metadata": {"title": "B"}},
        ],
    )

    report = colorize(source, tmp_path / "out.mkv", codec="ffv1", start=start, end=end)

    before, after = decode(source), decode(tmp_path / "out.mkv")
    first, last = kept
    assert last - first == report.frame_count == len(after.luma)
    assert all(np.array_equal(a, b) for a, b in zip(before.luma[first:last], after.luma, strict=True))
    assert [time - before.times[first] for time in before.times[first:last]] == after.times
    sound = of_kind(tmp_path / "out.mkv", "audio")[0]
    whole = of_kind(source, "audio")[0]
    assert set(sound.packets) <= set(whole.packets)
    length = Fraction(last - first, 25) if end else Fraction(6, 5) - Fraction(first, 25)
    assert abs((sound.times[-1] - sound.times[0]) - length) < Fraction(1, 10)


def test_end_before_start_is_refused(tmp_path):
    from videocolor.errors import SettingsError

    source = make_film(tmp_path / "film.mkv", frame_count=4)

    with pytest.raises(SettingsError, match="--end 1 is not after --start 2"):
        colorize(source, tmp_path / "out.mkv", start="2", end="1")
