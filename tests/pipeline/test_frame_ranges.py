"""Parts of a film: the very frames that a decode from the start gives, sought or not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from made_films import decode, make_film

from videocolor.errors import MediaError
from videocolor.media.decode import DecodeSettings
from videocolor.media.probe import probe_film
from videocolor.pipeline.frame_ranges import PlannedFrames
from videocolor.pipeline.plan import make_plan
from videocolor.settings import RunSettings


def planned(path, **settings):
    info = probe_film(path)
    decode_settings = DecodeSettings(**settings)
    return PlannedFrames(info=info, plan=make_plan(info, RunSettings(), decode_settings).plan, decode=decode_settings)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    """Predicted frames between key frames that are 48 apart."""
    options = {"qp": "20", "preset": "ultrafast", "g": "48", "bf": "2"}
    return make_film(
        tmp_path_factory.mktemp("ranges") / "film.mp4", frame_count=640, height=32, width=48, options=options
    )


def test_every_range_is_what_a_decode_from_the_start_gives(long_film):
    film, whole = planned(long_film), decode(long_film)
    ranges = [range(3, 6), range(10, 12), range(560, 580), range(630, 640)]

    found = list(film.of(ranges))

    wanted = [index for item in ranges for index in item]
    assert [whole.pts[index] for index in wanted] == [frame.pts for frame in found]
    assert all(np.array_equal(whole.luma[index], frame.y) for index, frame in zip(wanted, found, strict=True))


def test_a_film_that_cannot_be_sought_is_decoded(tmp_path, long_film):
    film = planned(long_film)
    broken = tmp_path / "film.m2v"
    make_film(broken, frame_count=540, height=32, width=48, codec="mpeg2video", options={"g": "12"})
    raw = planned(broken)

    assert [raw.plan.pts[530]] == [frame.pts for frame in raw.of([range(530, 531)])]
    assert [film.plan.pts[530]] == [frame.pts for frame in film.of([range(530, 531)])]


def test_frames_that_were_not_planned_are_told(long_film):
    film = planned(long_film)
    moved = replace(film, plan=replace(film.plan, pts=(*film.plan.pts[:5], 10**6, *film.plan.pts[6:])))

    with pytest.raises(MediaError, match="decodes differently from the planning pass at frame 5"):
        list(moved.of([range(8)]))


def test_frames_on_the_way_are_told(long_film):
    """So that a long way can be stopped."""
    dropped = []

    list(planned(long_film).of([range(3, 6), range(10, 12)], on_dropped=lambda: dropped.append(1)))

    assert 3 + 4 == len(dropped)


def test_numbers_are_those_of_the_source(long_film):
    assert 0 == planned(long_film).count_before()
    counted = []
    assert 30 == planned(long_film, start=Fraction(6, 5)).count_before(on_frame=lambda: counted.append(1))
    assert 30 == len(counted)
