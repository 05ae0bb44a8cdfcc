"""Promise: memory does not grow with the film's length."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_films import make_film

ROOT = Path(__file__).resolve().parents[2]

_SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from runs import colorize
report = colorize(Path(sys.argv[2]), Path(sys.argv[3]), preset="ultrafast", crf=30, segment_s=2.0, threads=1)
# Not getrusage: its peak is inherited from the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([report.frame_count, int(status["VmHWM"].split()[0])]))
"""


def peak(source, target):
    """Frames, and the peak resident memory in KiB of a process that colors a film."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, Path(__file__).parent, source, target],
        # glibc opens further arenas where threads wait for each other: on a busy machine that moved the peak by 10 %.
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _ratio(tmp_path, frames, height, width):
    peaks = []
    for count in (frames, 10 * frames):
        source = make_film(
            tmp_path / f"{count}.mp4",
            frame_count=count,
            height=height,
            width=width,
            cuts=range(70, count, 70),
            options={"qp": "26", "preset": "ultrafast", "g": "50"},
        )
        seen, kib = peak(source, tmp_path / f"{count}.mkv")
        assert count == seen
        peaks.append(kib)
    # Keeping all frames would be beyond the bound: the test can fail.
    assert 1.5 * height * width * 9 * frames > 0.12 * 1024 * peaks[0]
    return peaks[1] / peaks[0]


pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


@pytest.mark.slow
def test_ten_times_the_length(tmp_path):
    assert _ratio(tmp_path, 140, 360, 480) <= 1.1


def test_ten_times_a_short_film(tmp_path):
    assert _ratio(tmp_path, 60, 400, 576) <= 1.1
