"""The interlace rules: on counters that were measured, and on counters that idet gives here and now."""

from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocolor.shots.interlace import IdetCounts, judge_interlace

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"


def counts(multiple, single=(0, 0, 0, 0), repeated=None, phases=(0,) * 5):
    """Counters in idet's order: tff, bff, progressive, undetermined; neither, top, bottom."""
    repeated = repeated or (sum(multiple), 0, 0)
    return IdetCounts(
        frame_count=sum(repeated),
        tff=multiple[0],
        bff=multiple[1],
        progressive=multiple[2],
        undetermined=multiple[3],
        single_tff=single[0],
        single_bff=single[1],
        single_progressive=single[2],
        single_undetermined=single[3],
        repeated_neither=repeated[0],
        repeated_top=repeated[1],
        repeated_bottom=repeated[2],
        combed_by_phase=phases,
    )


def run_idet(frames):
    """idet's counters and the share of frames flagged interlaced."""
    graph, size, metadata, votes, flags = None, None, {}, [], []
    for frame in frames:
        if graph is None:
            size = frame.width, frame.height, frame.format.name
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
            )
            graph.link_nodes(source, graph.add("idet"), graph.add("buffersink")).configure()
        if size != (frame.width, frame.height, frame.format.name):
            break
        flags.append(frame.interlaced_frame)
        graph.push(frame)
        metadata = pull(graph, votes) or metadata
    graph.push(None)
    metadata = pull(graph, votes) or metadata
    return IdetCounts.from_metadata(metadata, single_votes=votes), sum(flags) / len(flags)


def pull(graph, votes):
    metadata = {}
    while True:
        try:
            metadata = dict(graph.pull().metadata)
        except (av.error.BlockingIOError, av.error.EOFError):
            return metadata
        votes.append(metadata["lavfi.idet.single.current_frame"])


def decode(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue


def moving_film(frame_count=80, grain=0.0):
    """A camera that swings over a texture, one array per frame."""
    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.standard_normal((288, 352 + 3 * frame_count)).astype(np.float32), (0, 0), 2.0)
    wide = wide / wide.std() * 40 + 128
    views = [wide[:, 3 * step : 3 * step + 352] for step in range(frame_count)]
    return [np.clip(view + grain * rng.standard_normal(view.shape), 0, 255).astype(np.uint8) for view in views]


def woven(top, bottom):
    both = top.copy()
    both[1::2] = bottom[1::2]
    return both


def interlaced(film):
    """Each frame shows two moments."""
    return [woven(first, second) for first, second in zip(film[0::2], film[1::2], strict=True)]


def telecined(film):
    """2:3 pulldown: five frames of four."""
    made = []
    for first in range(0, len(film), 4):
        a, b, c, d = film[first : first + 4]
        made += [a, b, woven(b, c), woven(c, d), d]
    return made


def shifted(film):
    """Progressive film whose fields were paired one late: combed throughout, but nothing is repeated."""
    return [woven(first, second) for first, second in pairwise(film)]


def as_frames(arrays):
    return [av.VideoFrame.from_ndarray(array, format="gray") for array in arrays]


MEASURED = {
    "progressive": (counts((0, 0, 200, 0), (0, 0, 200, 0)), 0.0, "progressive"),
    "progressive, grain": (counts((0, 0, 199, 1), (0, 0, 47, 153)), 0.0, "progressive"),
    "interlaced": (counts((100, 0, 0, 0), (100, 0, 0, 0)), 1.0, "interlaced"),
    "interlaced, half of it still": (counts((112, 0, 0, 0), (52, 0, 9, 51)), 1.0, "interlaced"),
    "shifted by one field": (counts((199, 0, 0, 0), (199, 0, 0, 0), (73, 63, 63)), 1.0, "interlaced"),
    "telecine": (counts((246, 0, 4, 0), (200, 0, 50, 0), (150, 50, 50)), 1.0, "telecine"),
    "telecine, grain hides it": (counts((249, 0, 0, 1), (197, 0, 11, 42)), 1.0, "interlaced"),
    "telecine, grain, with phases": (
        counts((249, 0, 0, 1), (104, 0, 3, 143), phases=(0, 28, 24, 26, 26)),
        1.0,
        "telecine",
    ),
    "interlaced-tff-h264.mp4": (counts((0, 0, 111, 15), (0, 0, 59, 67)), 1.0, "progressive"),
    "interlaced-bff-mpeg2-fields.ts": (counts((0, 31, 0, 0), (0, 31, 0, 0), (16, 0, 15)), 1.0, "interlaced"),
    "repeats of one parity only": (counts((0, 31, 0, 0), (0, 26, 5, 0), (16, 0, 15)), 1.0, "interlaced"),
    "dvdrip-dts-3subs.mkv": (counts((102, 0, 14, 4), (102, 0, 3, 15)), 0.0, "interlaced"),
    "mpeg4-mp3-23976.avi": (counts((0, 32, 55, 9), (0, 28, 59, 9)), 0.0, "progressive"),
    "spherical-stereo3d.mkv": (counts((0, 0, 0, 120), (0, 0, 0, 120), (71, 49, 0)), 0.0, "progressive"),
}


@pytest.mark.parametrize("name", MEASURED)
def test_measured_counters_are_judged_right(name):
    measured, flagged_share, kind = MEASURED[name]

    assert judge_interlace(measured, flagged_share).kind == kind


@pytest.mark.parametrize("grain", [0.0, 8.0, 16.0])
@pytest.mark.parametrize(
    ("make", "kind"),
    [(list, "progressive"), (interlaced, "interlaced"), (telecined, "telecine"), (shifted, "interlaced")],
)
def test_made_films_are_judged_right(make, kind, grain):
    measured, share = run_idet(as_frames(make(moving_film(grain=grain))))
    verdict = judge_interlace(measured, share, height=288)

    assert verdict.kind == kind, verdict.reason
    assert verdict.field_order == (None if kind == "progressive" else "tff")
    assert verdict.is_measured


def test_the_field_order_is_the_majority():
    film = moving_film()
    flipped = [woven(second, first) for first, second in zip(film[0::2], film[1::2], strict=True)]
    measured, share = run_idet(as_frames(flipped))

    assert judge_interlace(measured, share, flagged_order="tt").field_order == "bff"


# What is combed in ../shared/data/media; dvdrip is so without a flag, interlaced-tff-h264 is flagged without combs.
# Not measured: fewer than ten frames that idet could judge.
COMBED = {
    "bw-street-telecine.vob": ("telecine", "tff", True),
    "dv-interlaced-bff-timecode.mov": ("interlaced", "bff", False),
    "dvd-lpcm-nav.vob": ("interlaced", "tff", False),
    "dvdrip-dts-3subs.mkv": ("interlaced", "tff", True),
    "interlaced-bff-mpeg2-fields.ts": ("interlaced", "bff", True),
    "svcd-480x480-tff.mpg": ("interlaced", "tff", False),
}
FLAGGED_ORDER = {"svcd-480x480-tff.mpg": "tt", "dvd-lpcm-nav.vob": "tt", "dv-interlaced-bff-timecode.mov": "bt"}
# Large pictures that cost seconds to decode and hold nothing that idet could judge.
SLOW = {"av1-hdr10-mdcv-clli.mp4", "spherical-stereo3d.mkv", "editlist-positive-shift.mp4", "cockatoo-444-mp3.mp4"}
FILES = sorted(path.name for path in MEDIA.glob("*") if path.name not in SLOW) if MEDIA.is_dir() else []


@pytest.mark.shared
@pytest.mark.skipif(not FILES, reason="../shared/data/media is absent")
@pytest.mark.parametrize("name", FILES)
def test_real_files_are_judged_right(name):
    frames = list(islice(decode(MEDIA / name), 150))
    measured, share = run_idet(frames)
    verdict = judge_interlace(
        measured, share, flagged_order=FLAGGED_ORDER.get(name, "unknown"), height=frames[0].height
    )
    kind, order, is_measured = COMBED.get(name, ("progressive", None, verdict.is_measured))

    assert (verdict.kind, verdict.field_order, verdict.is_measured) == (kind, order, is_measured), verdict.reason


@pytest.mark.parametrize(
    ("share", "order", "expected"),
    [
        (1.0, "tt", ("interlaced", "tff")),
        (1.0, "bb", ("interlaced", "bff")),
        (1.0, "bt", ("interlaced", None)),
        (0.5, "tt", ("progressive", None)),
        (0.0, "unknown", ("progressive", None)),
    ],
)
def test_with_too_few_frames_the_flags_decide(share, order, expected):
    verdict = judge_interlace(counts((0, 0, 3, 3)), share, flagged_order=order)

    assert (verdict.kind, verdict.field_order) == expected
    assert not verdict.is_measured
    assert "only 3 of 6 frames, so the flags decide" in verdict.reason


def test_no_frame_at_all_is_progressive():
    assert judge_interlace(IdetCounts.from_metadata({}), 0.0).kind == "progressive"


def test_unflagged_pictures_of_one_field_are_progressive():
    """h264-10bit.mp4, a test pattern of 200 lines: 30 of 30 frames look combed to idet."""
    pattern = counts((30, 0, 0, 0), (30, 0, 0, 0))

    assert judge_interlace(pattern, 0.0, height=200).kind == "progressive"
    assert judge_interlace(pattern, 1.0, height=200).kind == "interlaced"
    assert judge_interlace(pattern, 0.0, height=480).kind == "interlaced"


def test_the_reason_holds_the_numbers():
    verdict = judge_interlace(counts((86, 0, 4, 0), (68, 0, 20, 2), (72, 9, 9)), 1.0)

    assert verdict.reason == (
        "idet found combs in 86 of 90 frames that it could judge (96%), top field first; 18 of 90 frames repeat a "
        "field of the frame before: 2:3 pulldown; 100% of the frames are flagged interlaced."
    )


def test_counters_are_read_from_metadata():
    metadata = {
        "lavfi.idet.multiple.tff": "86.00",
        "lavfi.idet.multiple.bff": "1.00",
        "lavfi.idet.multiple.progressive": "2.00",
        "lavfi.idet.multiple.undetermined": "3.00",
        "lavfi.idet.single.tff": "4.00",
        "lavfi.idet.single.bff": "5.00",
        "lavfi.idet.single.progressive": "6.00",
        "lavfi.idet.single.undetermined": "77.00",
        "lavfi.idet.repeated.neither": "80.00",
        "lavfi.idet.repeated.top": "7.00",
        "lavfi.idet.repeated.bottom": "5.00",
        "lavfi.idet.multiple.current_frame": "tff",
    }
    votes = ["progressive", "tff", "bff", "undetermined", "tff", "progressive", "tff"]

    assert IdetCounts.from_metadata(metadata, single_votes=votes) == counts(
        (86, 1, 2, 3), (4, 5, 6, 77), (80, 7, 5), (0, 2, 1, 0, 1)
    )


def test_places_of_a_film_are_added_with_their_phases_aligned():
    """Pulldown is found although the three places begin at different frames of the cycle."""
    part = counts((90, 0, 0, 0), (70, 0, 0, 20), phases=(0, 18, 17, 18, 17))
    turned = replace(part, combed_by_phase=(18, 17, 0, 18, 17))
    whole = part + turned + part

    assert whole.tff == 270
    assert whole.frame_count == 270
    assert judge_interlace(whole, 0.0).kind == "telecine"
