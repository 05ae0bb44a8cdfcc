"""Names of a run's files, its log and its progress bar: everything on stderr, nothing where nobody looks."""

import io
import logging
import sys
from pathlib import Path

import pytest

from videocolor.log import set_up_log
from videocolor.paths import report_path, weights_folder, work_folder
from videocolor.progress import BarProgress, NoProgress, make_progress


def test_a_run_s_files_lie_beside_its_result():
    """The suffix stays in the names, so that film.mkv and film.mp4 do not share a work folder."""
    target = Path("out/film.v2.mkv")

    assert Path("out/film.v2.mkv.work") == work_folder(target)
    assert Path("out/film.v2.mkv.report.json") == report_path(target)


def test_the_weights_folder_holds_the_default_model():
    assert (weights_folder() / "compact.toml").is_file()


@pytest.fixture
def restored_log():
    logger = logging.getLogger("videocolor")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.mark.usefixtures("restored_log")
@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (-1, ["error: e"]),
        (0, ["i", "warning: w", "error: e"]),
        (1, ["debug: d", "i", "warning: w", "error: e"]),
    ],
)
def test_the_log_goes_to_stderr_with_its_level(capsys, verbosity, expected):
    set_up_log(verbosity=verbosity)
    log = logging.getLogger("videocolor.test")
    for write, text in ((log.debug, "d"), (log.info, "i"), (log.warning, "w"), (log.error, "e")):
        write("%s", text)

    out, err = capsys.readouterr()
    assert out == ""
    assert expected == err.splitlines()


@pytest.mark.usefixtures("restored_log")
def test_setting_up_twice_does_not_say_everything_twice(capsys):
    for _ in range(2):
        set_up_log(verbosity=0)
    logging.getLogger("videocolor").info("once")

    assert capsys.readouterr().err == "once\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_only_where_a_person_looks(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(make_progress(wanted=True), BarProgress)
    assert isinstance(make_progress(wanted=False), NoProgress)

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(make_progress(wanted=True), NoProgress)


def test_the_bar_says_phase_frames_and_shot(monkeypatch, capsys):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = BarProgress()

    bar.advance(None)
    bar.start("color", total=4, done=2, shots=3)
    bar.advance(1)
    bar.advance(1)
    bar.finish()
    bar.finish()

    assert "coloring" in screen.getvalue()
    assert "4/4" in screen.getvalue()
    assert "shot 2/3" in screen.getvalue()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("progress", [NoProgress(), BarProgress()])
@pytest.mark.parametrize("phase", ["plan", "color", "mux", "check"])
def test_every_phase_has_its_words(progress, phase):
    progress.start(phase, total=None)
    progress.advance(None)
    progress.finish()
