"""What a run says about itself."""

import json
from dataclasses import replace
from fractions import Fraction

from tiny_parts import FLOAT32, CopyNetwork, make_card, make_shot

from videocolor.core.shots import Plan, Segment
from videocolor.journal.journal import ShotFigures
from videocolor.models.adapter import NetworkColorizer
from videocolor.pipeline.report import StillReport, least_steady_shots, provenance_tags, shot_rows
from videocolor.settings import RunSettings

SHOTS = (
    make_shot(start_pts=1000, end_pts=3000, frame_count=2),
    make_shot(index=1, start_pts=3000, end_pts=3001, frame_count=1, cause="fade", source_chroma=5.0),
)
PLAN = Plan(
    format=1,
    identity="x",
    time_base=Fraction(1, 1000),
    pts=(1000, 2000, 3000),
    durations=(1000, 1000, 1),
    segments=(Segment(index=0, shots=SHOTS, start_pts=1000, end_pts=3001, frame_count=3, first_frame=0),),
    detector="ncc",
    damaged_packets=0,
    corrupt_frames=0,
)
COLORIZER = NetworkColorizer(CopyNetwork(), make_card(sha256="0123456789abcdef" * 4), FLOAT32)


def test_shots_are_timed_from_the_first_frame():
    """Films rarely begin at 0; the pts are the film's own."""
    first, second = shot_rows(PLAN)

    assert ("00:00:00.000", "00:00:02.000", 1000, 3000) == tuple(
        first[k] for k in ("start", "end", "start_pts", "end_pts")
    )
    assert (2.0, 2.001, 1, "fade", 5.0) == tuple(
        second[k] for k in ("start_s", "end_s", "frames", "cause", "source_chroma")
    )
    json.dumps([first, second], allow_nan=False)


def test_the_result_says_how_its_color_was_made():
    tags = provenance_tags(RunSettings(render_factor=20, saturation=1.5), COLORIZER, luma_digest="ff")

    assert tags["VIDEOCOLOR_LUMA"] == "ff"
    for word in (
        "model tiny",
        "weights 0123456789abcdef;",
        "render factor 20",
        "saturation 1.5",
        "smoothing flow normal",
    ):
        assert word in tags["VIDEOCOLOR"]
    assert "VIDEOCOLOR_FIELDS" not in tags


def make_figures(shot, correction, lonely_share):
    return ShotFigures(
        shot=shot,
        frame_count=9,
        inferred_frames=9,
        kept_color_frames=0,
        limited_share=0.0,
        lonely_share=lonely_share,
        correction=correction,
    )


def test_the_least_steady_shots_come_first():
    """By how much the network wavered where nothing could be averaged; then by how much it wavered at all."""
    figures = [
        make_figures(0, 0.4, 0.9),
        make_figures(1, 3.0, 0.0),
        make_figures(2, 2.0, 0.5),
        make_figures(3, None, None),
        make_figures(4, 1.5, 0.0),
    ]

    assert [2, 0, 1, 4] == least_steady_shots(figures)
    assert [2] == least_steady_shots(figures, most=1)
    assert [] == least_steady_shots(figures[3:4])


def test_key_frames_and_references_are_written_down():
    settings = RunSettings(smoothing="none", keyframes=4, references=("a.png",))

    tags = provenance_tags(settings, COLORIZER, luma_digest="")

    assert tags["VIDEOCOLOR"].endswith("smoothing none; keyframes 4; reference frames by hand")


def test_field_repair_is_written_down_for_the_check():
    settings = RunSettings(deinterlace=True)

    assert provenance_tags(settings, COLORIZER, luma_digest="")["VIDEOCOLOR_FIELDS"] == "deinterlaced"
    settings = replace(settings, deinterlace=False, detelecine=True)
    assert provenance_tags(settings, COLORIZER, luma_digest="")["VIDEOCOLOR_FIELDS"] == "detelecined"


def test_a_still_s_report_is_plain_json():
    report = StillReport(
        source="a.png",
        result="b.png",
        model="tiny",
        weights_sha256=None,
        compute="cpu",
        height=1,
        width=2,
        bit_depth=8,
        notes=[],
        gamut_limited_share=0.0,
        luma_digest="ff",
        wall_s=0.1,
    )

    assert json.loads(json.dumps(report.to_json()))["format"] == 2
