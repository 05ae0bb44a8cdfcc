"""Promise: packets of sound and subtitles come out byte-equal, at their time, with language, title and flags."""

import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import pytest
from made_films import Sound, Subtitles, decode, make_film, of_kind, tracks
from runs import FAST_FFV1, colorize, command

from videocolor.errors import LossError

FLAGS = av.stream.Disposition
MILLISECOND = Fraction(1, 1000)


def assert_same_track(before, after, tolerance):
    """Bytes, number and relative times of a track's packets, its codec, language, title and flags."""
    assert (before.kind, before.codec) == (after.kind, after.codec)
    assert len(before.packets) == len(after.packets) > 0
    assert before.digest == after.digest
    steps = [abs((a - before.times[0]) - (b - after.times[0])) for a, b in zip(before.times, after.times, strict=True)]
    assert max(steps) <= tolerance
    for tag in ("language", "title"):
        assert before.tags.get(tag) == after.tags.get(tag)
    assert before.disposition == after.disposition


def assert_same_sync(source, result, number, tolerance):
    """A track keeps its place against the picture."""
    place = [of_kind(path, "audio")[number].times[0] - decode(path).times[0] for path in (source, result)]
    assert abs(place[0] - place[1]) <= tolerance


@pytest.mark.parametrize("codec", ["mp3", "ac3", "opus", "flac", "pcm_s16le", "aac", "eac3"])
def test_sound_in_matroska(tmp_path, codec):
    source = make_film(tmp_path / "film.mkv", frame_count=12, sounds=[Sound(codec=codec)])

    colorize(source, tmp_path / "out.mkv", preset="ultrafast")

    assert_same_track(of_kind(source, "audio")[0], of_kind(tmp_path / "out.mkv", "audio")[0], MILLISECOND)
    assert_same_sync(source, tmp_path / "out.mkv", 0, MILLISECOND)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "mp3"), (".mp4", "ac3"), (".mp4", "aac"), (".mov", "pcm_s16le")]
)
def test_sound_in_mp4_and_mov(tmp_path, suffix, codec):
    source = make_film(tmp_path / f"film{suffix}", frame_count=12, sounds=[Sound(codec=codec)])

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    assert_same_track(of_kind(source, "audio")[0], of_kind(tmp_path / f"out{suffix}", "audio")[0], Fraction(0))
    assert_same_sync(source, tmp_path / f"out{suffix}", 0, Fraction(0))


def test_every_track_with_its_language_title_and_flags(tmp_path):
    """Today's tools keep the first track and drop the commentary, the second language and the subtitles."""
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=24,
        sounds=[
            Sound(codec="aac", tags={"language": "eng", "title": "Stereo & more"}, disposition=FLAGS.default),
            Sound(
                codec="opus",
                start_s=0.25,
                pitch_hz=300,
                tags={"language": "fre", "title": "Käse"},
                disposition=FLAGS.comment,
            ),
            Sound(codec="mp3", pitch_hz=200, tags={"language": "ger"}),
        ],
        subtitles=[
            Subtitles(tags={"language": "ice", "title": "Þýðing"}, disposition=FLAGS.forced),
            Subtitles(lines=[(0.2, 0.3, "🎬")], tags={"language": "eng"}, disposition=FLAGS.hearing_impaired),
        ],
    )

    colorize(source, tmp_path / "out.mkv", preset="ultrafast")

    before, after = tracks(source)[1:], tracks(tmp_path / "out.mkv")[1:]
    assert len(before) == len(after) == 5
    for was, now in zip(before, after, strict=True):
        assert_same_track(was, now, MILLISECOND)
    assert_same_sync(source, tmp_path / "out.mkv", 1, MILLISECOND)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".mkv", MILLISECOND), (".mp4", Fraction(0))])
def test_sound_that_starts_late_stays_late(tmp_path, suffix, tolerance):
    source = make_film(tmp_path / f"film{suffix}", frame_count=24, sounds=[Sound(codec="ac3", start_s=0.4)])
    place = of_kind(source, "audio")[0].times[0] - decode(source).times[0]
    assert place > Fraction(3, 10)

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    assert_same_sync(source, tmp_path / f"out{suffix}", 0, tolerance)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(("frames", "seconds"), [(50, 0.5), (6, 3.0)], ids=["longer picture", "longer sound"])
def test_neither_picture_nor_sound_is_cut_to_the_other(tmp_path, suffix, frames, seconds):
    """`-shortest` ends the film where the sound ends."""
    source = make_film(tmp_path / f"film{suffix}", frame_count=frames, sounds=[Sound(codec="mp3", seconds=seconds)])

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    before, after = tracks(source), tracks(tmp_path / f"out{suffix}")
    assert [len(track.packets) for track in before] == [len(track.packets) for track in after]
    assert frames == len(after[0].packets)
    assert before[1].digest == after[1].digest


def test_mp4_subtitles_are_kept_in_mp4(tmp_path):
    source = make_film(tmp_path / "film.mp4", frame_count=12)
    _with_mov_text(source, tmp_path / "texts.mp4")

    colorize(tmp_path / "texts.mp4", tmp_path / "out.mp4", preset="ultrafast")

    before, after = (of_kind(path, "subtitle")[0] for path in (tmp_path / "texts.mp4", tmp_path / "out.mp4"))
    assert_same_track(before, after, Fraction(0))


def test_subtitles_that_a_container_lacks_stop_the_work_before_it_starts(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4, subtitles=[Subtitles(tags={"language": "ger"})])

    with pytest.raises(LossError) as caught:
        colorize(source, tmp_path / "out.mp4")

    for part in ("out.mp4", "#1 subtitle", "(ger)", "mp4 does not take it", ".mkv", "--allow-loss subtitles"):
        assert part in str(caught.value)
    assert [source.name] == [item.name for item in tmp_path.iterdir()]


def test_allowed_loss_goes_on_and_is_reported(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4, sounds=[Sound()], subtitles=[Subtitles()])

    outcome = command("colorize", source, "-o", tmp_path / "out.mp4", "--allow-loss", "subtitles", "--json", *FAST_FFV1)

    assert 0 == outcome.code, outcome
    assert "Left out, as you allowed: stream #2 subtitle" in outcome.err
    assert '"losses": ["stream #2 subtitle' in outcome.out
    assert ["video", "audio"] == [track.kind for track in tracks(tmp_path / "out.mp4")]


def _with_mov_text(film, path):
    """PyAV cannot encode mov_text: the ffmpeg program of the wheel makes it from SubRip."""
    text = film.with_suffix(".srt")
    text.write_text("1\n00:00:00,100 --> 00:00:00,300\nOne\n\n2\n00:00:00,350 --> 00:00:00,450\nTwo\n\n", "utf-8")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", film, "-i", text]
    command += ["-c", "copy", "-c:s", "mov_text", "-metadata:s:s:0", "language=eng", path]
    subprocess.run(command, check=True)
