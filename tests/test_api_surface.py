"""The public names are a decision, and what is asked often costs little to import."""

import subprocess
import sys
from pathlib import Path

import pytest

import videocolor

PUBLIC_NAMES = Path(__file__).with_name("public_names.txt")


def test_public_names_are_those_of_the_list():
    """Who removes or adds a name changes tests/public_names.txt, and the changelog."""
    assert PUBLIC_NAMES.read_text().split() == sorted(videocolor.__all__)


@pytest.mark.parametrize("name", sorted(videocolor.__all__))
def test_every_public_name_is_there(name):
    assert getattr(videocolor, name) is not None


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        videocolor.paint  # noqa: B018


def modules_after(statement):
    """Names of the top-level packages that a fresh Python has loaded after a statement."""
    program = f"import sys\n{statement}\nprint('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split("LOADED", 1)[1].split())


def command(*args):
    return f"from videocolor.cli.main import cli\ncli.main({list(args)!r}, standalone_mode=False)"


@pytest.mark.parametrize(
    "statement",
    [
        "import videocolor",
        "from videocolor import VideoColorError, RunSettings",
        command("--help"),
        command("--version"),
        command("colorize", "--help"),
        command("models", "list"),
        command("models", "list", "--json"),
    ],
)
def test_cheap_commands_import_nothing_heavy(statement):
    """torch takes seconds to import, av and cv2 are not needed to read a card."""
    assert set() == modules_after(statement) & {"torch", "av", "cv2", "scenedetect", "numpy"}


def test_importing_changes_nothing_of_the_process():
    """No log set-up, no environment, no warning filters, no threads."""
    check = (
        "import logging, os, threading, warnings\n"
        "def state(): return (dict(os.environ), logging.getLogger('videocolor').handlers[:],"
        " logging.getLogger().handlers[:], threading.active_count())\n"
        "before = state()\n"
        "import videocolor.settings, videocolor.errors, videocolor.cli.main, videocolor.log, videocolor.paths\n"
        "assert before == state()"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)
