"""Promise: the first Ctrl+C finishes the segment in work and says how to go on; the second stops at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_films import decode, make_film
from runs import FAST

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ARGUMENTS = ("--segment-seconds", "0.5", *FAST[:-1], "medium", "--no-progress")


@pytest.mark.parametrize("presses", [1, 2])
def test_interrupted_run_is_taken_up(tmp_path, presses):
    source = make_film(
        tmp_path / "film.mp4", frame_count=160, height=240, width=320, cuts=[12 * n for n in range(1, 13)]
    )
    target = tmp_path / "out.mkv"
    journal = tmp_path / "out.mkv.work" / "journal.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "videocolor", "colorize", source, "-o", target, *ARGUMENTS],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    while not journal.exists() and process.poll() is None:
        time.sleep(0.01)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = process.communicate(timeout=60)

    assert 130 == process.returncode, err
    assert "Stopping after this segment; Ctrl+C again stops at once." in err
    assert err.splitlines()[-1].startswith("videocolor: ")
    assert "The same command goes on" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not target.exists()
    segments = [path for path in (tmp_path / "out.mkv.work" / "segments").iterdir() if not path.name.startswith(".")]
    assert len(journal.read_text().splitlines()) == len(segments) >= 1

    resumed = subprocess.run(process.args, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)

    assert 0 == resumed.returncode, resumed.stderr
    assert "Going on after" in resumed.stderr
    assert 160 == len(decode(target).luma)
