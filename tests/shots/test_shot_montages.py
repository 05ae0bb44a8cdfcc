"""Recall and precision on montages of real shots, made by scripts/bench_shots.py."""

import importlib.util
import sys
from pathlib import Path

import pytest

from videocolor.shots.registry import load_detector

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT.parent / "shared" / "data" / "media"
SLOW_TO_DECODE = {"cockatoo-444-mp3.mp4", "late-start-10s-anamorphic.mp4", "bw-chaplin.mp4", "nasa-6streams.mp4"}


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_shots", ROOT / "scripts" / "bench_shots.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_shots"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_shots"]


@pytest.fixture(scope="module")
def montage(bench):
    if not MEDIA.is_dir():
        pytest.skip("../shared/data/media is absent")
    places = [place for place in bench.SHOTS if place[0] not in SLOW_TO_DECODE]
    return bench.build_montage(bench.read_shots(MEDIA, places), seed=77, joins=40)


@pytest.mark.shared
@pytest.mark.parametrize("flicker", [None, 0.05, 0.10])
def test_cuts_between_real_shots_are_found(bench, montage, flicker):
    frames = montage.frames if flicker is None else bench.damage(montage.frames, seed=1, flicker=flicker)
    found, seconds = bench.detect(load_detector("ncc"), frames)
    score = bench.Score()
    bench.add_score(score, montage, [place for place, _ in found], seconds, "montage")

    assert score.cuts >= 30
    assert score.recall >= 0.95, score.errors
    assert score.precision >= 0.95, score.errors
    assert score.fades == score.fades_found


@pytest.mark.shared
@pytest.mark.parametrize(
    "clip", ["bikes.mp4", "bw-abomb-effects.mp4", "bw-white-zombie-part.mp4", "vfr-goldeneye-drop3.mp4"]
)
def test_cuts_of_real_films_are_exact(bench, clip):
    if not MEDIA.is_dir():
        pytest.skip("../shared/data/media is absent")
    found, _ = bench.detect(load_detector("ncc"), list(bench.read_clip(MEDIA / clip)))

    assert [(cut, "cut") for cut in bench.CLIPS[clip][0]] == found
