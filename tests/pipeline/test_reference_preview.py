"""Preview and references: its stills are references as they are, and it refuses what the run would refuse."""

import numpy as np
import pytest
from made_films import decode
from moving_scenes import HEIGHT, WIDTH, square_scene
from painted_films import paint, write_luma
from runs import colorize

from videocolor.errors import SettingsError, VideoColorError
from videocolor.pipeline.film import RunOptions
from videocolor.pipeline.preview import preview_film
from videocolor.progress import NoProgress
from videocolor.settings import EncodeSettings, RunSettings

LENGTH = 12
SCENE = square_scene(lambda number: (30, 20 + 3 * number))
COUNT = 4 * LENGTH


def luma(number):
    """A scene, blank leader, the scene upside down, black."""
    shot, place = divmod(number, LENGTH)
    if shot % 2:
        return np.full((HEIGHT, WIDTH), 150 if shot == 1 else 0, np.uint8)
    return SCENE.luma(place)[:: 1 - shot]


@pytest.fixture
def film(tmp_path):
    return write_luma(tmp_path / "film.mkv", map(luma, range(COUNT)))


@pytest.fixture
def look(tmp_path, film):
    def look(*references):
        settings = RunSettings(
            encode=EncodeSettings(codec="ffv1"),
            references=tuple(map(str, references)),
            render_factor=4,
            device="cpu",
            precision="float32",
        )
        return preview_film(film, tmp_path / "out.mkv", settings, RunOptions(overwrite=True), progress=NoProgress())

    return look


def test_stills_that_are_given_back_as_they_are_color_the_film(tmp_path, film, look, caplog):
    """With a still of leader and one of black, where there is nothing to compare."""
    seen = look()

    colorize(film, tmp_path / "out.mkv", codec="ffv1", references=(seen.folder,))

    assert COUNT == len(decode(tmp_path / "out.mkv").luma)
    assert 2 == caplog.text.count("has no detail to compare with the film")


def test_a_picture_that_the_run_would_refuse_is_refused(tmp_path, look):
    outside = paint(tmp_path / "in" / f"frame_{COUNT}.png", luma(3), (20, 10))
    wrong = paint(tmp_path / "in" / "frame_5.png", luma(3), (20, 10))

    with pytest.raises(VideoColorError, match="does not exist"):
        look(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=f"frame {COUNT} is not colored in this run"):
        look(outside)
    with pytest.raises(SettingsError, match="shows frame 3"):
        look(wrong)
    assert not (tmp_path / "out.mkv.preview").exists()


def test_their_room_on_the_disk_is_counted(tmp_path, look):
    without = look()
    plain = without.work_bytes_estimated - 2 * without.result_bytes_estimated

    with_them = look(paint(tmp_path / "in" / "frame_5.png", luma(5), (20, 10)))

    assert 0 == plain
    room = with_them.work_bytes_estimated - 2 * with_them.result_bytes_estimated
    assert HEIGHT * WIDTH * (LENGTH * 8 + 6 * 7) == room


def test_painted_stills_are_not_overwritten(look):
    """Whoever painted them would lose them."""
    seen = look()

    with pytest.raises(SettingsError, match="in the folder that --preview writes its stills to"):
        look(seen.folder)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (2, 1000)])
@pytest.mark.parametrize("smoothing", ["none", "flow"])
def test_films_of_a_few_pixels(tmp_path, size, smoothing):
    frames = np.random.default_rng(4).integers(0, 255, (5, *size)).astype(np.uint8)
    film = write_luma(tmp_path / "tiny.mkv", frames)
    picture = paint(tmp_path / "in" / "frame_2.png", frames[2], (20, 10))

    colorize(film, tmp_path / "out.mkv", codec="ffv1", references=(str(picture),), smoothing=smoothing)

    assert all(np.array_equal(*pair) for pair in zip(frames, decode(tmp_path / "out.mkv").luma, strict=True))
