"""Odd and damaged files through the command line: a right result, or one line that names the file and the remedy."""

import contextlib
import hashlib
import io
import json
import shutil
from pathlib import Path

import av
import pytest

from videocolor.cli.main import cli
from videocolor.cli.output import run_command

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_ODD = _DATA / "odd_media"
_FAST = ("--render-factor", "4", "--device", "cpu", "--precision", "float32", "--json", "--no-progress")
_STILLS = {".png", ".jpg", ".tif", ".gif", ".webp", ".avif"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not _ODD.is_dir(), reason="the shared material is not here (../shared/data/odd_media)"),
]

# Files that no right result is possible of, and a word of the answer. All others must succeed.
_REFUSED = {
    "audio-only.mp4": "no video stream",
    "audio-with-broken-cover.m4a": "only cover pictures",
    "bad-crc-sigsegv.png": "",
    "bomb-60000x60000.png": "limit",
    "bomb.gif": "more pixels",
    "corrupt.jpg": "",
    "encrypted.mp4": "decoded",
    "header-only.avi": "decoded",
    "html.jpg": "decoded",
    "invalid-bitstream.webm": "decoded",
    "moov-missing.mp4": "moov",
    "resize-midstream.ivf": "changes from",
    "rgb-float32.tif": "float",
    "text.mp4": "not a video or picture",
    "truncated.jpg": "truncated",
    "truncated.png": "truncated",
    "two-stsd.mov": "changes from",
    "video-stream-without-packets.ts": "decoded",
    "zero-width.gif": "",
    "zero.mp4": "empty",
    "zero.png": "empty",
}
# Right either way: what the table leaves open.
_EITHER = {"audio-missing-stsd.mp4", "negative-pts.mkv", "animated.webp", "rgb-10bit.avif"}


def odd_files():
    if not _ODD.is_dir():
        return ["none"]
    return sorted(path.name for path in _ODD.iterdir() if path.name != "names.json")


def real_name(stored):
    names = json.loads((_ODD / "names.json").read_text(encoding="utf-8"))
    return names.get(stored, stored)


def target_of(source):
    """A still's own suffix where we write it, PNG otherwise; films become .mkv."""
    from videocolor.errors import VideoColorError
    from videocolor.media.still_probe import is_still

    try:
        still = is_still(source)
    except VideoColorError:
        still = source.suffix in _STILLS
    return "result.png" if still else "result.mkv"


def colorize(source, target, *extra):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(cli, ["colorize", str(source), "-o", str(target), *_FAST, *extra])
    return code, out.getvalue(), err.getvalue()


def frame_times(path):
    with av.open(f"file:{path}") as film:
        stream = film.streams.video[0]
        stream.codec_context.thread_count = 1
        return [frame.pts * stream.time_base for frame in film.decode(stream)]


def final_line(err, source):
    """The one line that the program ends with."""
    lines = [line for line in err.splitlines() if line.startswith("videocolor: ")]
    assert 1 == len(lines), err
    assert lines[0] == err.splitlines()[-1]
    assert "Traceback" not in err
    printable = "".join(char if char.isprintable() else "�" for char in " ".join(source.name.split()))
    assert printable in lines[0] or "cannot hold stream" in lines[0]
    return lines[0]


@pytest.mark.parametrize("stored", odd_files())
def test_right_result_or_one_clear_line(tmp_path, stored):
    source = tmp_path / real_name(stored)
    shutil.copyfile(_ODD / stored, source)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / target_of(source)
    extra = ("--allow-loss", "alpha,hdr,depth") if target.suffix == ".png" else ("--preset", "ultrafast")
    before = hashlib.sha256(source.read_bytes()).hexdigest()

    code, out, err = colorize(source, target, *extra)

    assert before == hashlib.sha256(source.read_bytes()).hexdigest()
    assert "Traceback" not in err
    if code:
        assert code in (1, 3), err
        assert not target.exists()
        line = final_line(err, source)
        assert stored in _REFUSED or stored in _EITHER, line
        assert _REFUSED.get(stored, "") in line
    else:
        assert stored not in _REFUSED, err
        assert target.is_file()
        assert json.loads(out)["result"] == str(target)
        assert not (tmp_path / "out" / f"{target.name}.work").exists()
    assert not (tmp_path / "x").exists()
    assert {source.name, "out"} == {item.name for item in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("corrupted.mp4", 49),
        ("flipped-bits-h264.mp4", 102),
        ("truncated-faststart.mp4", 71),
        ("truncated.mkv", 47),
        ("zeroed-middle.mkv", 4),
        ("discard-first-keyframe.mp4", 25),
        ("negative-first-pts.mov", 15),
    ],
)
def test_damaged_films_give_what_there_is_and_say_it(tmp_path, name, frames):
    code, out, err = colorize(_ODD / name, tmp_path / "out.mp4", "--preset", "ultrafast", "--allow-loss", "subtitles")

    assert 0 == code, err
    report = json.loads(out)
    assert frames == report["frame_count"] == len(frame_times(tmp_path / "out.mp4"))
    if name not in ("discard-first-keyframe.mp4", "negative-first-pts.mov"):
        words = " ".join(report["notes"])
        assert "damaged" in words or "ends early" in words or "breaks off" in words


def test_two_frames_with_one_time_stay_two_frames(tmp_path):
    code, out, err = colorize(_ODD / "duplicate-pts.mkv", tmp_path / "out.mkv", "--codec", "ffv1")

    assert 0 == code, err
    assert 10 == json.loads(out)["frame_count"]
    assert any("moved by one tick" in note for note in json.loads(out)["notes"])
    times = frame_times(tmp_path / "out.mkv")
    assert sorted(set(times)) == times
    assert 10 == len(times)


def test_film_without_time_stamps(tmp_path):
    code, out, err = colorize(_ODD / "negative-pts.mkv", tmp_path / "out.mkv", "--codec", "ffv1")

    assert 0 == code, err
    assert 10 == json.loads(out)["frame_count"] == len(frame_times(tmp_path / "out.mkv"))
    assert any("time stamp" in note for note in json.loads(out)["notes"])


def test_packed_b_frames(tmp_path):
    source = _DATA / "media" / "packed-bframes.avi"

    code, out, err = colorize(source, tmp_path / "out.mkv", "--preset", "ultrafast")

    if code:
        assert "packed" in final_line(err, source).lower()
        assert not (tmp_path / "out.mkv").exists()
    else:
        assert 15 == json.loads(out)["frame_count"] == len(frame_times(tmp_path / "out.mkv"))
