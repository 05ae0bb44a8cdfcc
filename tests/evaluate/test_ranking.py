"""The score that says which shots need a human."""

from dataclasses import replace
from math import hypot
from pathlib import Path

import pytest

from videocolor.evaluate.ranking import YARDSTICKS, judge
from videocolor.evaluate.run_record import RunFigures
from videocolor.evaluate.shot_meter import ShotFigures
from videocolor.evaluate.shot_report import SurveySettings, survey_film
from videocolor.progress import NoProgress

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"

CALM = ShotFigures(
    frames=100,
    warp_ab=1.0,
    pairs=12,
    worst_pair_s=1.0,
    worst_pair_ab=1.2,
    tint_jitter=0.1,
    tint_drift=1.0,
    hf_share=0.1,
    resat_events=0,
    chroma=12.0,
    colorfulness=30.0,
    near_gray_share=0.3,
    limited_share=0.01,
    cdc=0.001,
    cdc_ab=0.001,
)
RUN = RunFigures(inferred_share=1.0, limited_share=0.01, lonely_share=0.0, correction=2.0)


def test_a_calm_shot_scores_nothing():
    judgement = judge(CALM, RUN)

    assert (0, (), False) == (judgement.score, judgement.reasons, judgement.needs_look)
    assert {item.name for item in YARDSTICKS} == set(judgement.severities)


@pytest.mark.parametrize(
    ("name", "figures", "run"),
    [
        ("flicker", {"warp_ab": 3.5}, {}),
        ("tint_jitter", {"tint_jitter": 0.6}, {}),
        ("tint_drift", {"tint_drift": 12}, {}),
        ("switching", {"resat_events": 15}, {}),
        ("near_gray_share", {"near_gray_share": 0.95}, {}),
        ("limited_share", {"limited_share": 0.25}, {}),
        ("unsteady", {}, {"lonely_share": 0.25}),
    ],
)
def test_one_alarming_figure_is_enough_and_says_why(name, figures, run):
    judgement = judge(replace(CALM, **figures), replace(RUN, **run))

    (yardstick,) = (item for item in YARDSTICKS if item.name == name)
    assert 1.0 == pytest.approx(judgement.severities[name])
    assert judgement.score == pytest.approx(1.0)
    assert (yardstick.reason,) == judgement.reasons


def test_figures_add_up_as_the_sides_of_a_right_triangle():
    judgement = judge(replace(CALM, warp_ab=3.1, tint_jitter=0.52), None)

    assert judgement.score == pytest.approx(hypot(0.8, 0.8))
    # Neither is alarming alone; together they are, and both are named.
    assert {"flicker", "tint jumps"} == set(judgement.reasons)
    assert judgement.needs_look


def test_the_worst_reason_comes_first():
    assert ("tint jumps", "flicker") == judge(replace(CALM, warp_ab=4, tint_jitter=3), None).reasons


def test_what_is_not_known_counts_nothing():
    short = replace(CALM, warp_ab=None, tint_jitter=None, tint_drift=None)

    assert (
        0 == judge(short, RunFigures(inferred_share=None, limited_share=None, lonely_share=0.9, correction=None)).score
    )


def test_traces_of_color_in_a_gray_shot_are_no_switches():
    assert 0 == judge(replace(CALM, chroma=1.0, resat_events=50), None).severities["switching"]


@pytest.mark.shared
@pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared")
@pytest.mark.parametrize("name", ["davis-breakdance.mp4", "davis-kite-surf.mp4", "carphone-sar-ntsc.mp4"])
def test_natural_color_needs_no_look(name):
    """Fast action, a wide landscape, a face: whatever the camera saw is steady."""
    report = survey_film(MEDIA / name, SurveySettings(pairs=5), progress=NoProgress())

    assert [] == [shot.judgement for shot in report.shots if shot.judgement.needs_look]
