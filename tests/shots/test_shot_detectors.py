"""Detectors by name, and what every one of them must do."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from videocolor.errors import SettingsError
from videocolor.shots.ncc import GRAY_SIZE
from videocolor.shots.registry import DEFAULT_DETECTOR, detector_names, load_detector

HAS_SCENEDETECT = importlib.util.find_spec("scenedetect") is not None
OPTIONAL = [pytest.mark.scenedetect, pytest.mark.skipif(not HAS_SCENEDETECT, reason="scenedetect is not installed")]
ALL_DETECTORS = [pytest.param(name, marks=[] if name == DEFAULT_DETECTOR else OPTIONAL) for name in detector_names()]


def two_shots(cut=30, frame_count=60):
    """A dark still picture, then a bright one of other structures."""
    rng = np.random.default_rng(4)
    coarse = [rng.integers(low, low + 90, (6, 8), dtype=np.uint8) for low in (20, 150)]
    first, second = (cv2.resize(plane, GRAY_SIZE[::-1], interpolation=cv2.INTER_CUBIC) for plane in coarse)
    return [first if number < cut else second for number in range(frame_count)]


def test_the_names_begin_with_the_default():
    assert detector_names() == ("ncc", "adaptive", "hash")
    assert load_detector().name == load_detector("ncc").name


def test_an_unknown_name_is_refused_with_the_choice():
    with pytest.raises(SettingsError, match="Choose one of ncc, adaptive, hash"):
        load_detector("content")


@pytest.mark.parametrize("name", ["adaptive", "hash"])
def test_a_missing_package_is_said_with_its_remedy(name, monkeypatch):
    for module in ("scenedetect", "scenedetect.detectors"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError, match=r'pip install "videocolor\[scenedetect\]"'):
        load_detector(name)


@pytest.mark.parametrize("name", ALL_DETECTORS)
def test_a_cut_is_found_with_its_pts(name):
    detector = load_detector(name)
    found = [cut for number, frame in enumerate(two_shots()) for cut in detector.push(1000 + 40 * number, frame)]

    assert found + detector.finish() == [(1000 + 40 * 30, "cut")]


@pytest.mark.parametrize("name", ALL_DETECTORS)
@pytest.mark.parametrize("frame_count", [0, 1, 2])
def test_films_shorter_than_the_window_have_no_cut(name, frame_count):
    detector = load_detector(name)
    found = [cut for number, frame in enumerate(two_shots()[:frame_count]) for cut in detector.push(number, frame)]

    assert found + detector.finish() == []


@pytest.mark.parametrize("name", ALL_DETECTORS)
def test_a_finished_detector_begins_afresh(name):
    detector = load_detector(name)
    for _ in range(2):
        found = [cut for number, frame in enumerate(two_shots()) for cut in detector.push(number, frame)]

        assert found + detector.finish() == [(30, "cut")]


@pytest.mark.parametrize("name", ALL_DETECTORS)
def test_detectors_share_no_state(name):
    """Two films, frame by frame by turns, give what each gives alone."""
    one, two = load_detector(name), load_detector(name)
    film, other = two_shots(cut=20), two_shots(cut=40)
    found_one, found_two = [], []
    for number, (frame, other_frame) in enumerate(zip(film, other, strict=True)):
        found_one += one.push(number, frame)
        found_two += two.push(number, other_frame)

    assert found_one + one.finish() == [(20, "cut")]
    assert found_two + two.finish() == [(40, "cut")]


@pytest.mark.parametrize("name", ALL_DETECTORS)
def test_a_detector_names_itself_and_refuses_other_sizes(name):
    detector = load_detector(name)

    assert detector.name.startswith(name)
    with pytest.raises(ValueError, match="uint8"):
        detector.push(0, np.zeros((10, 10), np.uint8))
