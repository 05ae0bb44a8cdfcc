"""Promise: what cannot be done is refused in one line with the remedy; what was skipped or guessed is reported."""

import csv
import io
import json
import os
import random
from itertools import pairwise

import av
import numpy as np
import pytest
from made_films import Sound, decode, make_film
from PIL import Image
from runs import FAST, FAST_FFV1, colorize, command, leftovers

from videocolor.errors import DamageError, InterlacedError


def combed_film(path, count=60):
    """Two moments woven into every frame, as a video camera does."""
    from made_films import picture, plane_values

    def moment(number):
        picture_now = picture(0, 0, 480, 320, 200)
        return np.roll(picture_now, 3 * number, axis=1)

    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=25)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 320, 480, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame(320, 480, "yuv420p")
            frame.pts = number
            luma = plane_values(frame, 0)
            luma[0::2] = moment(2 * number)[0::2]
            luma[1::2] = moment(2 * number + 1)[1::2]
            for index in (1, 2):
                plane_values(frame, index)[...] = 128
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def damaged_film(path, flips=14, seed=5, **values):
    make_film(path, frame_count=60, options={"qp": "24", "preset": "fast", "slices": "4"}, **values)
    data = bytearray(path.read_bytes())
    start, rng = data.index(b"mdat"), random.Random(seed)
    for _ in range(flips):
        data[rng.randrange(start + 2500, len(data) - 5000)] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return path


def test_interlaced_film_is_refused_with_advice(tmp_path):
    source = combed_film(tmp_path / "film.mkv")

    outcome = command("colorize", source, "-o", tmp_path / "out.mkv", *FAST_FFV1)

    assert 3 == outcome.code, outcome
    assert "is interlaced" in outcome.last
    assert "--deinterlace" in outcome.last
    assert "--interlaced ignore" in outcome.last
    assert not (tmp_path / "out.mkv").exists()


def test_interlaced_film_deinterlaced_or_ignored(tmp_path):
    source = combed_film(tmp_path / "film.mkv")

    report = colorize(source, tmp_path / "smooth.mkv", codec="ffv1", deinterlace=True)
    colorize(source, tmp_path / "combed.mkv", codec="ffv1", interlaced="ignore")

    before, smooth, combed = (decode(path) for path in (source, tmp_path / "smooth.mkv", tmp_path / "combed.mkv"))
    assert 60 == report.frame_count == len(smooth.luma)
    assert before.times == smooth.times == combed.times
    assert all(np.array_equal(a, b) for a, b in zip(before.luma, combed.luma, strict=True))

    def combs(luma):
        return float(np.abs(np.diff(luma.astype(int), axis=0)).mean())

    assert combs(smooth.luma[30]) < 0.6 * combs(before.luma[30])


def test_telecined_film_gets_its_own_frames_back(tmp_path):
    from made_films import picture, plane_values

    def film_frame(number):
        return np.roll(picture(0, 0, 480, 320, 200), 4 * number, axis=1)

    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=30)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 320, 480, "yuv420p"
        fields = [number for group in range(0, 48, 2) for number in (group, group, group + 1, group + 1, group + 1)]
        for number in range(len(fields) // 2):
            frame = av.VideoFrame(320, 480, "yuv420p")
            frame.pts = number
            luma = plane_values(frame, 0)
            luma[0::2], luma[1::2] = film_frame(fields[2 * number])[0::2], film_frame(fields[2 * number + 1])[1::2]
            for index in (1, 2):
                plane_values(frame, index)[...] = 128
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))

    with pytest.raises(InterlacedError, match=r"telecined.*--detelecine"):
        colorize(path, tmp_path / "out.mkv", codec="ffv1")

    report = colorize(path, tmp_path / "out.mkv", codec="ffv1", detelecine=True)

    assert 46 <= report.frame_count <= 49
    times = decode(tmp_path / "out.mkv").times
    assert abs(float(times[-1] - times[0]) - 47 / 24) < 0.1


def test_damage_is_skipped_counted_and_reported(tmp_path):
    source = damaged_film(tmp_path / "film.mp4")

    outcome = command("colorize", source, "-o", tmp_path / "out.mkv", "--json", *FAST)

    assert 0 == outcome.code, outcome
    report = json.loads(outcome.out)
    assert report["damaged_packets"] + report["corrupt_frames"] > 0
    assert any("damaged" in note for note in report["notes"])
    assert "damaged" in outcome.err
    assert report["frame_count"] == len(decode(tmp_path / "out.mkv").luma) <= 60


def test_more_damage_than_allowed_stops(tmp_path):
    """The limit counts what the decoder refuses."""
    source = make_film(tmp_path / "film.mkv", frame_count=30, codec="mjpeg", pix_fmt="yuvj420p", options={"q": "3"})
    data = source.read_bytes()
    places = [place for place in range(len(data)) if data[place : place + 3] == b"\xff\xd8\xff"]
    broken = bytearray(data)
    for place, after in pairwise(places[10:17]):
        # The whole picture, but not the container's marks before the next.
        length = after - place - 60
        broken[place : place + length] = bytes(length)
    source.write_bytes(broken)

    with pytest.raises(DamageError, match=r"more than 2 damaged packets.*--max-damaged"):
        colorize(source, tmp_path / "out.mkv", codec="ffv1", max_damaged=2)
    assert not (tmp_path / "out.mkv").exists()

    report = colorize(source, tmp_path / "out.mkv", codec="ffv1", max_damaged=10)
    assert 6 == report.damaged_packets
    assert 24 == len(decode(tmp_path / "out.mkv").luma)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("colorize", "-", "-o", "out.mkv"), 2, "standard input"),
        (("colorize", "missing.mkv", "-o", "out.mkv"), 3, "does not exist"),
        (("colorize", "text.mp4", "-o", "out.mkv"), 3, "not a video or picture"),
        (("colorize", "empty.mp4", "-o", "out.mkv"), 3, "is empty"),
        (("colorize", "film.mkv"), 2, "--output"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--render-factor", "1"), 2, "--render-factor"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--batch-size", "x"), 2, "--batch-size"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--saturation", "9"), 2, "--saturation"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--allow-loss", "luma"), 2, "--allow-loss"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--model", "nothing"), 2, "nothing"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--weights", "none.safetensors"), 4, "none.safetensors"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--video-stream", "7"), 2, "#7"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--start", "half past"), 2, "--start"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--start", "99"), 3, "No frame"),
        (("colorize", "film.mkv", "-o", "out.webm", "--codec", "h264"), 2, "h264"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--pix-fmt", "yuv410p"), 2, "--pix-fmt"),
        (("colorize", "film.mkv", "-o", "out.mkv", "--preset", "none"), 4, "--codec"),
        (("colorize", "film.mkv", "-o", "out.png"), 2, "is a film"),
        (("colorize", "still.png", "-o", "out.mkv"), 2, "single picture"),
        (("colorize", "empty/", "-o", "out"), 3, "holds no films"),
        (("probe", "missing.mkv"), 3, "does not exist"),
        (("shots", "text.mp4"), 3, "not a video"),
        (("verify", "film.mkv", "missing.mkv"), 3, "does not exist"),
    ],
)
def test_exit_codes_and_one_line(tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    make_film(tmp_path / "film.mkv", frame_count=2)
    (tmp_path / "text.mp4").write_text("not a film\n" * 20)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "empty").mkdir()
    Image.new("L", (16, 16), 90).save(tmp_path / "still.png")
    before = leftovers(tmp_path)
    extra = FAST[:-2] if arguments[0] == "colorize" and "--render-factor" not in arguments else ()

    outcome = command(*arguments, *extra)

    assert code == outcome.code, outcome
    assert words in outcome.last, outcome
    assert "Traceback" not in outcome.err
    assert 1 == len([line for line in outcome.lines if line.startswith(("videocolor: ", "Error: "))])
    assert [name for name in leftovers(tmp_path) if not name.endswith(".work")] == before


def test_pipes_are_refused_as_what_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe.mkv")

    outcome = command("colorize", tmp_path / "pipe.mkv", "-o", tmp_path / "out.mkv", *FAST)

    assert outcome.code in (2, 3)
    assert 1 == len(outcome.lines)
    assert "pipe.mkv" in outcome.last
    assert "is empty" not in outcome.last


def test_folder(tmp_path):
    """One damaged file does not stop the others; names stay; failures are listed at the end."""
    films = tmp_path / "scans"
    (films / "reel 2").mkdir(parents=True)
    make_film(films / "a.mkv", frame_count=4)
    make_film(films / "reel 2" / "b.MP4", frame_count=4)
    make_film(films / "c.avi", frame_count=4, codec="mpeg4", options={})
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(films / "still.png")
    (films / "broken.mkv").write_bytes(b"broken" * 50)
    (films / "notes.txt").write_text("reel one")

    outcome = command("colorize", films, "-o", tmp_path / "out", *FAST)

    assert 1 == outcome.code, outcome
    results = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert ["a.mkv", "c.mkv", "reel 2/b.MP4", "still.png"] == [name for name in results if ".report." not in name]
    assert "4 of 5 done." in outcome.err
    assert outcome.last.startswith("failed: ")
    assert "broken.mkv" in outcome.last


def test_folder_with_colliding_names(tmp_path):
    (tmp_path / "scans").mkdir()
    for suffix in (".avi", ".mkv"):
        make_film(tmp_path / "scans" / f"a{suffix}", frame_count=2, codec="mpeg4", options={})

    outcome = command("colorize", tmp_path / "scans", "-o", tmp_path / "out", *FAST)

    assert 2 == outcome.code
    assert "would both become" in outcome.last
    assert not (tmp_path / "out").exists()


def test_folder_inside_itself(tmp_path):
    (tmp_path / "scans").mkdir()
    make_film(tmp_path / "scans" / "a.mkv", frame_count=2)

    outcome = command("colorize", tmp_path / "scans", "-o", tmp_path / "scans" / "out", *FAST)

    assert (2, 1) == (outcome.code, len(outcome.lines))
    assert "lies inside" in outcome.last


def test_the_summary_says_how_many_frames_the_network_saw(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=9)

    every = command("colorize", source, "-o", tmp_path / "every.mkv", *FAST)
    some = command("colorize", source, "-o", tmp_path / "some.mkv", "--keyframes", "4", *FAST)

    assert "the network saw" not in every.err
    told = json.loads((tmp_path / "some.mkv.report.json").read_text())
    assert told["inferred_frames"] < 9
    assert f"; the network saw {told['inferred_frames']} of 9 frames" in some.last


def test_preview(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=50, height=96, width=128, cuts=(15, 33))

    outcome = command("colorize", source, "-o", tmp_path / "out.mkv", "--preview", "--json", *FAST)

    assert 0 == outcome.code, outcome
    told = json.loads(outcome.out)
    assert (3, 50, 3) == (told["shot_count"], told["frame_count"], len(told["pictures"]))
    for name in told["pictures"]:
        with Image.open(tmp_path / "out.mkv.preview" / name) as picture:
            assert (128, 96) == picture.size
    assert told["seconds_estimated"] > 0
    assert told["result_bytes_estimated"] > 0
    assert ["film.mkv", "out.mkv.preview"] == leftovers(tmp_path)


def test_preview_does_not_replace_stills_that_may_have_been_painted(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=6)
    line = ("colorize", source, "-o", tmp_path / "out.mkv", "--preview", *FAST)
    assert 0 == command(*line).code
    (still,) = (tmp_path / "out.mkv.preview").iterdir()
    still.write_bytes(b"hours of work")

    refused = command(*line)

    assert 2 == refused.code
    assert "may have been painted" in refused.last
    assert b"hours of work" == still.read_bytes()
    assert 0 == command(*line, "--overwrite").code
    assert b"hours of work" != still.read_bytes()


def test_preview_refuses_what_the_run_would_refuse(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4)
    (tmp_path / "out.mkv").write_bytes(b"precious")

    for target in (tmp_path / "no" / "out.mkv", tmp_path / "out.mkv", source):
        assert command("colorize", source, "-o", target, "--preview", *FAST).code in (1, 2)


def test_preview_shows_kept_color(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=20, tinted=(0,), codec="ffv1", options={})

    for name, extra in {"kept": ["--keep-color"], "new": []}.items():
        assert 0 == command("colorize", source, "-o", tmp_path / f"{name}.mkv", "--preview", *extra, *FAST_FFV1).code

    def side_difference(name):
        (path,) = (tmp_path / f"{name}.mkv.preview").iterdir()
        pixels = np.asarray(Image.open(path).convert("YCbCr")).astype(int)
        return float(pixels[:, -16:, 1].mean() - pixels[:, :16, 1].mean())

    assert side_difference("kept") > 45 > side_difference("new")


def test_probe(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4, sounds=[Sound(codec="mp3", tags={"language": "ger"})])

    told = json.loads(command("probe", source, "--json").out)
    people = command("probe", source)

    assert (48, 64) == (told["video"]["height"], told["video"]["width"])
    assert "mp3" in told["others"][0]["codec"]
    assert {".mkv", ".mp4", ".mov"} <= set(told["targets"])
    assert 0 == people.code
    assert "matrix is not tagged" in people.out
    assert "keeps everything" in people.out


def test_shots(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=60, height=96, width=128, cuts=(20, 41))

    told = json.loads(command("shots", source, "--json").out)
    table = list(csv.DictReader(io.StringIO(command("shots", source, "--csv").out)))

    assert [20, 21, 19] == [shot["frames"] for shot in told["shots"]]
    assert [0.0, 0.8, 1.64] == [shot["start_s"] for shot in told["shots"]]
    assert ["00:00:00.000", "00:00:00.800", "00:00:01.640"] == [row["start"] for row in table]


def test_a_folder_goes_on_after_a_stop(tmp_path):
    """The same command a second time keeps what is there and makes what is missing."""
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((24, 32), 90, np.uint8)).save(scans / f"{name}.png")
    first = command("colorize", scans, "-o", tmp_path / "out", "--render-factor", "4")
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    (tmp_path / "out" / "b.png").unlink()

    second = command("colorize", scans, "-o", tmp_path / "out", "--render-factor", "4")

    assert (0, 0) == (first.code, second.code)
    assert before == (tmp_path / "out" / "a.png").stat().st_mtime_ns
    assert (tmp_path / "out" / "b.png").exists()
    assert "a.png is left as it is" in second.err


def test_alpha_is_named_whatever_way_it_is_lost(tmp_path):
    """An explicit --pix-fmt dropped the alpha channel without a word."""
    source = make_film(tmp_path / "film.mkv", frame_count=2, codec="ffv1", options={}, pix_fmt="yuva420p")

    for options in (("--pix-fmt", "yuv420p", "--codec", "ffv1"), ("--codec", "h264")):
        outcome = command("colorize", source, "-o", tmp_path / "out.mkv", *options)
        assert 1 == outcome.code
        assert "alpha" in outcome.err
    assert "loses the alpha channel" in command("probe", source, "--target", tmp_path / "o.mp4").out
