"""The pass that carries a person's colors: which shots, what is refused, and going on after a stop."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from moving_scenes import HEIGHT, WIDTH, square_scene, texture, two_tone
from painted_films import paint, write_luma
from tiny_parts import make_colored, make_shot

from videocolor.core.shots import Plan, Segment
from videocolor.errors import DiskFullError, Interrupted, SettingsError
from videocolor.media.decode import DecodeSettings
from videocolor.media.probe import probe_film
from videocolor.pipeline.references import check_references, prepare_references
from videocolor.progress import NoProgress
from videocolor.references.pictures import find_pictures

RED, GREEN, AUTOMATIC = (30.0, 20.0), (-25.0, 20.0), (5.0, -15.0)
CUT, COUNT = 8, 14
SCENES = square_scene(lambda number: (30, 20 + 3 * number)), square_scene(lambda number: (20, 100))


def luma(number):
    return SCENES[0].luma(number) if number < CUT else SCENES[1].luma(number)[::-1, ::-1]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_luma(tmp_path_factory.mktemp("film") / "film.mkv", map(luma, range(COUNT)))


def plan_of(film, *, first=0, causes=("start", "cut"), lengths=(CUT, COUNT - CUT), chroma=(0.0, 0.0)):
    info = probe_film(film)
    step = round(Fraction(1, 25) / info.video.time_base)
    pts = tuple(step * number for number in range(first, first + sum(lengths)))
    shots, start = [], 0
    for index, (cause, length) in enumerate(zip(causes, lengths, strict=True)):
        end = start + length
        shots.append(
            make_shot(
                index=index,
                start_pts=pts[start],
                end_pts=pts[end] if end < len(pts) else pts[-1] + 1,
                frame_count=length,
                cause=cause,
                source_chroma=chroma[index],
            )
        )
        start = end
    segment = Segment(
        index=0, shots=tuple(shots), start_pts=pts[0], end_pts=pts[-1] + 1, frame_count=len(pts), first_frame=0
    )
    return info, Plan(
        format=1,
        identity=info.identity,
        time_base=info.video.time_base,
        pts=pts,
        durations=(step,) * len(pts),
        segments=(segment,),
        detector="by hand",
        damaged_packets=0,
        corrupt_frames=0,
    )


class Told:
    """What a watcher was told."""

    def __init__(self):
        self.phases, self.steps = [], []

    def start(self, phase, *, total, done=0, shots=0):
        self.phases.append((phase, total))
        self.steps.append(0)

    def advance(self, shot):
        self.steps[-1] += 1

    def finish(self):
        pass


def prepare(
    film, pictures, folder, *, decode=None, keeps=lambda shot: False, should_stop=lambda: False, told=None, **plan
):
    info, planned = plan_of(film, **plan)
    return planned, prepare_references(
        find_pictures([str(picture) for picture in pictures]),
        info,
        planned,
        decode or DecodeSettings(),
        folder,
        keeps=keeps,
        progress=told or NoProgress(),
        should_stop=should_stop,
    )


def guided(carried, plan):
    """Colors of all frames, (H, W, 2) each, over a network's answer of one color."""
    ab = torch.tensor(AUTOMATIC).view(2, 1, 1).expand(2, 8, 8)
    frames = [make_colored(np.zeros((HEIGHT, WIDTH), np.uint8), ab, pts=pts) for pts in plan.pts]
    return [colored.ab.permute(1, 2, 0).numpy() for colored in carried.guided(frames)]


def painted(folder, number, ab=None, name=None, alpha=None):
    colors = two_tone(SCENES[0].inside(number), RED, GREEN) if ab is None else ab
    return paint(folder / (name or f"frame_{number:06}.png"), luma(number), colors, alpha)


def test_one_picture_colors_its_shot_and_no_other(film, tmp_path):
    plan, carried = prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work")

    found = guided(carried, plan)

    for number in range(CUT):
        inside = SCENES[0].inside(number, less=16)
        assert np.abs(found[number][inside] - RED).mean() < 1
    assert all((8, 8, 2) == ab.shape and np.allclose(AUTOMATIC, ab) for ab in found[CUT:])


def test_the_painted_frame_is_the_picture(film, tmp_path):
    plan, carried = prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work")

    error = np.abs(guided(carried, plan)[5] - two_tone(SCENES[0].inside(5), RED, GREEN))

    # The picture's 8 bits, at work size.
    assert error.mean() < 0.5


def test_what_is_transparent_keeps_the_network_s_color(film, tmp_path):
    alpha = SCENES[0].inside(5)
    plan, carried = prepare(film, [painted(tmp_path / "in", 5, alpha=alpha)], tmp_path / "work")

    found = guided(carried, plan)

    assert np.allclose(AUTOMATIC, found[5][SCENES[0].outside(5, less=4)], atol=0.05)
    assert np.abs(found[6][SCENES[0].inside(6, less=16)] - RED).mean() < 1
    assert np.abs(found[6][SCENES[0].outside(6, less=16)] - AUTOMATIC).mean() < 1


def test_colors_go_on_over_the_parts_of_a_divided_shot(tmp_path):
    film = write_luma(tmp_path / "film.mkv", map(SCENES[0].luma, range(COUNT)))

    plan, carried = prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work", causes=("start", "limit"))

    for number, ab in enumerate(guided(carried, plan)):
        assert np.abs(ab[SCENES[0].inside(number, less=16)] - RED).mean() < 1


def test_confidence_tells_the_filter_whose_color_it_is(film, tmp_path):
    plan, carried = prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work")
    frame = make_colored(np.zeros((HEIGHT, WIDTH), np.uint8), torch.zeros(2, 8, 8), pts=plan.pts[5])
    doubtful = replace(frame, confidence=torch.full((1, 4, 4), 0.3))

    own, near = (next(carried.guided([replace(doubtful, frame=replace(frame.frame, pts=plan.pts[n]))])) for n in (5, 4))

    assert (HEIGHT, WIDTH) == tuple(own.confidence.shape[1:])
    assert own.confidence.min() > 900
    assert 1 < near.confidence.median() < 50


def test_numbers_and_times_are_those_of_the_source_film(film, tmp_path):
    """With --start the first colored frame is not frame 0."""
    decode = DecodeSettings(start=Fraction(3, 25))
    pictures = [painted(tmp_path / "in", 5), painted(tmp_path / "in", 7, name="00-00-00.280.png")]

    plan, carried = prepare(film, pictures, tmp_path / "work", decode=decode, first=3, lengths=(CUT - 3, COUNT - CUT))

    assert np.abs(guided(carried, plan)[0][SCENES[0].inside(3, less=16)] - RED).mean() < 1
    with pytest.raises(SettingsError, match=r"frame 2 is not colored in this run\. It goes from frame 3 at"):
        prepare(film, [painted(tmp_path / "in", 2)], tmp_path / "x", decode=decode, first=3, lengths=(5, 6))


def test_a_picture_of_another_frame_is_refused_by_name(film, tmp_path):
    """Numbers that count from 1: the picture of frame 4 is called frame 5."""
    wrong = painted(tmp_path / "in", 4, name="frame_5.png")

    with pytest.raises(SettingsError, match=r"frame_5\.png shows frame 4 at 00:00:00\.160, not frame 5 at"):
        prepare(film, [wrong], tmp_path / "work")


def test_frames_beyond_a_cut_are_looked_at_too(film, tmp_path):
    wrong = paint(tmp_path / "in" / f"frame_{CUT - 1}.png", luma(CUT), RED)

    with pytest.raises(SettingsError, match=rf"shows frame {CUT} at"):
        prepare(film, [wrong], tmp_path / "work")


def test_all_wrong_pictures_are_told_together(film, tmp_path):
    folder = tmp_path / "in"
    wrong = [paint(folder / f"frame_{number}.png", texture(50 + number), RED) for number in range(5)]

    with pytest.raises(SettingsError) as error:
        prepare(film, [*wrong, painted(folder, 6)], tmp_path / "work")

    assert 3 == str(error.value).count("does not show it")
    assert "; and 2 more." in str(error.value)


def test_two_pictures_that_mean_one_frame_are_refused(film, tmp_path):
    pictures = [painted(tmp_path / "in", 5), painted(tmp_path / "in", 5, name="0.2s.png")]

    with pytest.raises(SettingsError, match="are pictures of one frame"):
        prepare(film, pictures, tmp_path / "work")


def test_shots_that_keep_their_color_are_left_alone(film, tmp_path, caplog):
    values = {"chroma": (20.0, 0.0), "keeps": lambda shot: shot.source_chroma > 4}

    _, carried = prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work", **values)

    assert carried is None
    assert "frame_000005.png is not used: its shot keeps its own color" in caplog.text


def test_gray_pictures_are_used_with_a_warning(film, tmp_path, caplog):
    prepare(film, [painted(tmp_path / "in", 5, ab=(0, 0))], tmp_path / "work")

    assert "frame_000005.png (frame 5 at 00:00:00.200) has no color" in caplog.text


def test_without_pictures_there_is_nothing_to_do(film, tmp_path):
    assert prepare(film, [], tmp_path / "work")[1] is None
    assert not (tmp_path / "work").exists()


def test_the_bar_counts_the_frames_that_are_compared_and_those_on_both_ways(film, tmp_path):
    told = Told()

    prepare(film, [painted(tmp_path / "in", 1), painted(tmp_path / "in", 3)], tmp_path / "work", told=told)

    compared = 3 + 8 + 1
    assert [("references", compared + CUT + 3)] == told.phases
    assert [compared + CUT + 3] == told.steps


@pytest.mark.parametrize(("name", "counted"), [("frame_5.png", True), ("0.2s.png", False)])
def test_frames_before_the_start_are_counted_for_numbers_alone(film, tmp_path, name, counted):
    told = Told()
    parts = {"decode": DecodeSettings(start=Fraction(3, 25)), "first": 3, "lengths": (CUT - 3, COUNT - CUT)}

    plan, carried = prepare(film, [painted(tmp_path / "in", 5, name=name)], tmp_path / "work", told=told, **parts)

    assert np.abs(guided(carried, plan)[2][SCENES[0].inside(5, less=16)] - RED).mean() < 1
    assert counted == (("references", None) in told.phases)
    assert (3 == told.steps[0]) == counted


@pytest.mark.parametrize("asked", [1, 2, 4, 9])
def test_comparing_can_be_stopped(film, tmp_path, asked):
    """Among the frames before --start, too; and no file is left."""
    parts = {"decode": DecodeSettings(start=Fraction(3, 25)), "first": 3, "lengths": (CUT - 3, COUNT - CUT)}
    calls = []

    def stop():
        calls.append(1)
        return len(calls) == asked

    with pytest.raises(Interrupted, match="references were compared"):
        prepare(film, [painted(tmp_path / "in", 5)], tmp_path / "work", should_stop=stop, **parts)
    assert not list(tmp_path.glob("work/*"))
    assert asked == len(calls)


def test_a_disk_that_is_too_small_is_told_before_a_frame_is_decoded(film, tmp_path, monkeypatch):
    pictures = [painted(tmp_path / "in", 5), paint(tmp_path / "in" / "frame_10.png", luma(10), GREEN)]
    # Colors as four float16 of all frames; gray and motion of the frames up to the sixth of the first shot.
    needed = HEIGHT * WIDTH * (COUNT * 8 + 6 * 7)
    told = Told()

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - 1))
    with pytest.raises(DiskFullError, match=rf"need {needed / 1e6:.1f} MB in .*work, {(needed - 1) / 1e6:.1f} MB are"):
        prepare(film, pictures, tmp_path / "work", told=told)
    assert [] == told.phases

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed))
    prepare(film, pictures, tmp_path / "work")


def test_pictures_can_be_checked_without_carrying_them(film, tmp_path):
    def check(*pictures, keeps=lambda shot: False):
        info, plan = plan_of(film)
        found = find_pictures([str(picture) for picture in pictures])
        return check_references(found, info, plan, DecodeSettings(), keeps=keeps, progress=NoProgress())

    assert 0 == check()
    assert HEIGHT * WIDTH * (CUT * 8 + 6 * 7) == check(painted(tmp_path / "in", 5))
    assert 0 == check(painted(tmp_path / "in", 5), keeps=lambda shot: True)
    with pytest.raises(SettingsError, match="frame 99 is not colored in this run"):
        check(painted(tmp_path / "in", 5, name="frame_99.png"))
    with pytest.raises(SettingsError, match="shows frame 4"):
        check(painted(tmp_path / "in", 4, name="frame_6.png"))
    assert ["in"] == [path.name for path in tmp_path.iterdir()]


def stored(folder):
    """Bytes of all finished files."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_an_interrupted_pass_goes_on_with_the_shot_that_is_not_finished(film, tmp_path):
    pictures = [painted(tmp_path / "in", 5), paint(tmp_path / "in" / "frame_10.png", luma(10), GREEN)]
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > COUNT + CUT + 5 + 3

    prepare(film, pictures, tmp_path / "whole")
    with pytest.raises(Interrupted):
        prepare(film, pictures, tmp_path / "work", should_stop=stop)
    first = (tmp_path / "work" / "frames-00000000.colors").stat().st_mtime_ns
    assert ["frames-00000000.colors", "frames-00000000.json"] == list(stored(tmp_path / "work"))

    prepare(film, pictures, tmp_path / "work")

    assert stored(tmp_path / "whole") == stored(tmp_path / "work")
    assert first == (tmp_path / "work" / "frames-00000000.colors").stat().st_mtime_ns


@pytest.mark.parametrize("change", ["picture", "record", "file"])
def test_what_does_not_belong_to_the_pictures_is_made_anew(film, tmp_path, change):
    picture = painted(tmp_path / "in", 5)
    prepare(film, [picture], tmp_path / "work")
    before = stored(tmp_path / "work")
    record, colors = (tmp_path / "work" / f"frames-00000000.{suffix}" for suffix in ("json", "colors"))
    if change == "picture":
        painted(tmp_path / "in", 5, ab=two_tone(SCENES[0].inside(5), GREEN, RED))
    elif change == "record":
        record.write_text(json.dumps({**json.loads(record.read_text()), "videocolor": "0.0"}))
    else:
        colors.write_bytes(colors.read_bytes()[:-1])

    prepare(film, [picture], tmp_path / "work")

    assert (change != "picture") == (before == stored(tmp_path / "work"))
    assert record.stat().st_mtime_ns > colors.stat().st_mtime_ns


def test_motion_lies_on_the_disk_while_the_pass_runs(film, tmp_path):
    """Memory stays flat: what grows with a shot's length is in files, which are gone afterwards."""
    sizes = []

    def look():
        sizes.append({path.name: path.stat().st_size for path in (tmp_path / "work").iterdir()})
        return False

    prepare(film, [painted(tmp_path / "in", 7)], tmp_path / "work", should_stop=look)

    assert sizes[-1]["grays.part"] == CUT * HEIGHT * WIDTH
    assert sizes[-1]["fields.part"] == CUT * HEIGHT * WIDTH * 3 * 2
    assert {"frames-00000000.colors", "frames-00000000.json"} == set(stored(tmp_path / "work"))
    shutil.rmtree(tmp_path / "work")
