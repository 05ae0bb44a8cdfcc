"""A result that keeps everything holds every promise; each promise, broken on purpose, is reported as such."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from made_films import FilmRecipe, Sound, Subtitles, make_film
from results import CHAPTERS, RICH, broken, colored, detail, make_pair, states, tint

from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.encode import LumaDigest
from videocolor.media.probe import probe_film
from videocolor.verification import verify, verify_film
from videocolor.verification.film import DIGEST_TAG, FIELDS_TAG

PLAIN = FilmRecipe(frame_count=12, tags={"title": "Plain"})
LATE = Sound(codec="opus", pitch_hz=220.0, start_s=0.25, tags={"language": "fre"})
PIANO = RICH.sounds[0]
SHARED_TICKS = list(RICH.pts)


@pytest.fixture(scope="module")
def rich_source(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("rich") / "source.mkv", RICH)


@pytest.fixture
def verify_with(rich_source, tmp_path):
    """Verify a result of RICH that was made with changes."""

    def run(**changes):
        return verify_film(rich_source, make_film(tmp_path / "result.mkv", colored(RICH, **changes)))

    return run


def digest_of(path):
    digest = LumaDigest()
    for number, frame in enumerate(open_frames(probe_film(path), DecodeSettings(threads=1), DecodeCounts())):
        digest.add(number, frame.y)
    return digest.hex


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_a_result_that_keeps_everything_holds(tmp_path, suffix):
    recipe = RICH if suffix == ".mkv" else replace(RICH, subtitles=(), attachments=(), sounds=(PIANO,), video_tags={})
    recipe = recipe if suffix == ".mkv" else replace(recipe, sounds=(replace(PIANO, tags={"language": "eng"}),))
    pair = make_pair(tmp_path, recipe, suffix=suffix)

    report = verify_film(pair.source, pair.result)

    assert set() == broken(report)
    assert not report.is_broken
    assert "24 of 24 frames bit-exact (result read by ffmpeg)" == detail(report, "luma")
    assert {"luma digest in tags", "luma digest in report"} == {
        promise
        for promise, state in states(report).items()
        if state == "not tested" and promise != "chapters 0 packets"
    }


ONE_FRAME = [*SHARED_TICKS[:10], SHARED_TICKS[10] + 9, *SHARED_TICKS[11:]]
BREAKS = {
    "one frame's luma in lossless": ({"cuts": (9, 23), "codec": "ffv1", "options": {}}, {"luma", "sample aspect"}),
    "missing frame": ({"frame_count": 23}, {"frame count"}),
    "one frame's time": ({"pts": ONE_FRAME}, {"frame times"}),
    "all frames late": ({"pts": [pts + 50 for pts in SHARED_TICKS]}, {"first frame's time", "audio 0 sync"}),
    "sample aspect": ({"sample_aspect": Fraction(1)}, {"sample aspect"}),
    "turned": ({"matrix": None}, {"rotation and mirroring"}),
    "color range": ({"color": {**RICH.color, "color_range": 2}}, {"color range"}),
    "matrix": ({"color": {**RICH.color, "colorspace": 1}}, {"color matrix"}),
    "primaries": ({"color": {**RICH.color, "color_primaries": 1}}, {"color primaries"}),
    "transfer": ({"color": {**RICH.color, "color_trc": 1}}, {"color transfer"}),
    "shorter sound": ({"sounds": (replace(PIANO, seconds=0.9), LATE)}, {"audio 0 packets"}),
    "sound of another pitch": ({"sounds": (replace(PIANO, pitch_hz=441.0), LATE)}, {"audio 0 packets"}),
    "sound shifted by 5 ms": ({"sounds": (replace(PIANO, start_s=0.005), LATE)}, {"audio 0 sync"}),
    "sound's language": (
        {"sounds": (replace(PIANO, tags={**PIANO.tags, "language": "ger"}), LATE)},
        {"audio 0 language"},
    ),
    "sound's title": ({"sounds": (replace(PIANO, tags={**PIANO.tags, "title": "Organ"}), LATE)}, {"audio 0 title"}),
    "lost sound": ({"sounds": (LATE,)}, {"audio streams"}),
    "sound from elsewhere": ({"sounds": (*RICH.sounds, PIANO)}, {"audio streams"}),
    "swapped sounds": ({"sounds": (LATE, PIANO)}, {"audio 0 packets", "audio 1 packets"}),
    "lost subtitles": ({"subtitles": ()}, {"subtitle streams"}),
    "lost disposition": ({"subtitles": (replace(RICH.subtitles[0], disposition=None),)}, {"subtitle 0 disposition"}),
    "subtitle's words": (
        {"subtitles": (replace(RICH.subtitles[0], lines=((0.1, 0.4, "One"), (0.5, 0.9, "Three"))),)},
        {"subtitle 0 packets"},
    ),
    "chapter's title": (
        {"chapters": [CHAPTERS[0], {**CHAPTERS[1], "metadata": {"title": "Ende"}}]},
        {"chapters"},
    ),
    "chapter's start": ({"chapters": [CHAPTERS[0], {**CHAPTERS[1], "start": 410}]}, {"chapters"}),
    "lost chapter": ({"chapters": CHAPTERS[:1]}, {"chapters"}),
    "attachment's bytes": ({"attachments": (("font.ttf", "font/ttf", bytes(2304)),)}, {"attachments"}),
    "attachment's name": ({"attachments": (("f.ttf", "font/ttf", RICH.attachments[0][2]),)}, {"attachments"}),
    "tag": ({"tags": {"title": "A film & more"}}, {"tags"}),
    "picture's title": ({"video_tags": {}}, {"picture's tags"}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_promise_is_reported(verify_with, name):
    """Each break shows under its own name; some show in a second place, but nothing else does."""
    changes, promises = BREAKS[name]
    consequences = {
        "missing frame": {"duration"},
        "all frames late": {"audio 1 sync", "subtitle 0 sync", "duration"},
        "swapped sounds": {"audio 0 sync", "audio 1 sync", "audio 0 language", "audio 1 language", "audio 0 title"},
        "one frame's luma in lossless": {"chroma location", "field order"},
    }.get(name, set())

    report = verify_with(**changes)

    assert promises <= broken(report) <= promises | consequences, "\n".join(report.lines())
    assert report.is_broken


def test_a_lossy_result_is_judged_by_its_worst_frame(verify_with):
    good = verify_with(options={"crf": "12", "preset": "fast", "bf": "3"})
    bad = verify_with(options={"crf": "12", "preset": "fast", "bf": "3"}, cuts=(9, 23))

    assert "held" == states(good)["luma"]
    assert "PSNR-Y" in detail(good, "luma")
    assert {"luma"} == broken(bad)
    assert "at frame 23" in detail(bad, "luma")


def test_a_lost_packet_in_the_middle_is_found(rich_source, tmp_path):
    """The stream's number of packets is right elsewhere; place and count are said."""
    result = tmp_path / "result.mkv"
    with av.open(str(rich_source)) as source, av.open(str(result), "w") as target:
        copies = {s.index: target.add_stream_from_template(s, opaque=True) for s in source.streams if s.type == "audio"}
        video = source.streams.video[0]
        copies[video.index] = target.add_stream_from_template(video, opaque=True)
        seen = 0
        for packet in source.demux([source.streams[index] for index in copies]):
            if packet.size:
                seen += packet.stream.index == 1
                if (packet.stream.index, seen) == (1, 20):
                    continue
                packet.stream = copies[packet.stream.index]
                target.mux(packet)

    report = verify_film(rich_source, result, allow_loss=frozenset({"subtitles", "attachments", "chapters"}))

    assert "broken" == states(report)["audio 0 packets"]
    assert "48 -> 47 packets" in detail(report, "audio 0 packets")
    assert "packet 19 is the first that differs" in detail(report, "audio 0 packets")
    assert "broken" == states(report)["audio 0 sync"]
    assert {"not tested"} == {states(report)[name] for name in ("subtitle streams", "attachments", "chapters")}


def test_fewer_bits_are_broken_unless_allowed(tmp_path):
    pair = make_pair(tmp_path, replace(PLAIN, pix_fmt="yuv420p10le"), pix_fmt="yuv420p", codec="ffv1", options={})

    assert "bit depth" in broken(verify_film(pair.source, pair.result))
    assert "not tested" == states(verify_film(pair.source, pair.result, allow_loss=frozenset({"depth"})))["bit depth"]


def test_deeper_results_are_exactly_scaled(tmp_path):
    """8-bit luma in a 10-bit format is Y << 2, bit for bit."""
    source = make_film(tmp_path / "source.mkv", PLAIN)
    result = tmp_path / "result.mov"
    tint(source, result, "prores")

    report = verify_film(source, result)

    assert set() == broken(report)
    assert "8 bits scaled exactly to 10" in detail(report, "luma")


def test_the_digest_is_recomputed_from_the_source(tmp_path):
    source = make_film(tmp_path / "source.mkv", PLAIN)
    digest = digest_of(source)
    good = make_film(tmp_path / "good.mkv", colored(PLAIN, tags={**PLAIN.tags, DIGEST_TAG.lower(): digest}))
    bad = make_film(tmp_path / "bad.mkv", colored(PLAIN, tags={**PLAIN.tags, DIGEST_TAG: "0" * 64}))
    good.with_name("good.mkv.report.json").write_text(json.dumps({"luma_digest": digest}))
    bad.with_name("bad.mkv.report.json").write_text(json.dumps({"luma_digest": "1" * 64}))

    assert set() == broken(verify_film(source, good))
    assert {"luma digest in tags", "luma digest in report"} == broken(verify_film(source, bad))


def test_digests_of_order_and_frames_differ(tmp_path):
    """Another frame number is another digest, or a swapped pair of frames would pass."""
    planes = [frame.y.copy() for frame in _frames(make_film(tmp_path / "film.mkv", PLAIN))]
    straight, swapped = LumaDigest(), LumaDigest()
    for number, plane in enumerate(planes):
        straight.add(number, plane)
        swapped.add(len(planes) - 1 - number, plane)

    assert straight.hex != swapped.hex


def _frames(path):
    return open_frames(probe_film(path), DecodeSettings(threads=1), DecodeCounts())


def test_frames_made_from_fields_are_not_compared(tmp_path):
    """Their luma is new; the rest still is the source's."""
    pair = make_pair(tmp_path, PLAIN, tags={FIELDS_TAG: "detelecined"}, frame_count=10, seed=3)

    report = verify_film(pair.source, pair.result)

    assert {"not tested"} == {states(report)[name] for name in ("luma", "frame count", "frame times")}
    assert "tags" in broken(report)


def test_the_tags_are_those_that_a_run_writes():
    """The names stand in two places, because the pipeline's module needs torch."""
    from videocolor.pipeline import report

    assert (report.LUMA_TAG, report.FIELDS_TAG) == (DIGEST_TAG, FIELDS_TAG)


@pytest.mark.parametrize(("start", "end"), [("0.2", "0.7"), ("0.3", None), (None, "0.5")])
def test_a_cut_film_is_compared_with_its_part(tmp_path, start, end):
    recipe = replace(
        RICH,
        sample_aspect=None,
        matrix=None,
        attachments=(),
        pts=None,
        time_base=None,
        sounds=(PIANO,),
        chapters=CHAPTERS[:1],
    )
    source = make_film(tmp_path / "source.mkv", recipe)
    result = tmp_path / "result.mkv"
    tint(source, result, "ffv1", start=_seconds(start), end=_seconds(end))

    report = verify_film(source, result, start=start, end=end)

    assert set() == broken(report), "\n".join(report.lines())
    assert {"frame count", "audio 0 packets", "luma"} <= broken(verify_film(source, result, start="0.4"))


def _seconds(text):
    return None if text is None else Fraction(text)


def test_several_subtitles_one_lost(tmp_path):
    """The one that is missing is named, the others are not blamed."""
    lines = [((0.1, 0.4, word),) for word in ("One", "Deux", "Drei")]
    tracks = [
        Subtitles(lines=line, tags={"language": name}) for line, name in zip(lines, ("eng", "fre", "ger"), strict=True)
    ]
    pair = make_pair(tmp_path, replace(PLAIN, subtitles=tracks), subtitles=[tracks[0], tracks[2]])

    report = verify_film(pair.source, pair.result)

    assert {"subtitle streams"} == broken(report)
    assert "subrip (fre)" in detail(report, "subtitle streams")


def test_wrong_calls_say_so(tmp_path):
    film = make_film(tmp_path / "film.mkv", PLAIN)
    text = tmp_path / "text.mkv"
    text.write_text("not a film")

    with pytest.raises(MediaNotFound, match="Check the name"):
        verify(film, tmp_path / "missing.mkv")
    with pytest.raises(MediaError, match="not a video"):
        verify(film, text)
    with pytest.raises(SettingsError, match="time code"):
        verify(film, film, start="later")
