"""Real films: our judgement beside that of film_check.py, which shares no code with us."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from results import broken, detail, states, tint

from videocolor.verification import verify_film

SHARED = Path(__file__).resolve().parents[3] / "shared"
MEDIA, JUDGE = SHARED / "data" / "media", SHARED / "checks" / "film_check.py"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared"),
]
needs_judge = pytest.mark.skipif(
    not JUDGE.is_file() or shutil.which("ffprobe") is None or shutil.which("ffmpeg") is None,
    reason="film_check.py needs ffprobe and ffmpeg on the PATH",
)

# Film, suffix and codec of the result, and what both must find broken: what the container cannot hold.
CASES = [
    ("bw-chaplin-multitrack.mkv", ".mkv", "ffv1", set()),
    ("bw-street-gray10-ffv1.mkv", ".mkv", "ffv1", set()),
    ("vfr-android-slowmo.mp4", ".mp4", "h264", set()),
    ("gopro-gpmd-data.mp4", ".mkv", "ffv1", {"data"}),
    ("rotate-90.mov", ".mov", "h264", set()),
    ("odd-321x241-vp9-420.mp4", ".mkv", "ffv1", set()),
    ("hdr10-chapters-attachment-rotated.mkv", ".mkv", "ffv1", {"HDR"}),
    # The sound's priming moves everything by 25 ms in Matroska.
    pytest.param("bw-chaplin.mp4", ".mkv", "ffv1", set(), marks=pytest.mark.slow),
    pytest.param("phone-rot90-audio-first.mov", ".mkv", "ffv1", {"rotation and mirroring"}, marks=pytest.mark.slow),
    pytest.param("dvdrip-dts-3subs.mkv", ".mkv", "h264", set(), marks=pytest.mark.slow),
    pytest.param("odd-496x241-cineform-422-10bit.mov", ".mkv", "ffv1", set(), marks=pytest.mark.slow),
]


def judged(source, result):
    """What film_check.py finds broken."""
    command = [sys.executable, str(JUDGE), str(source), str(result), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {row["promise"] for row in json.loads(done.stdout) if row["state"] == "BROKEN"}


@needs_judge
@pytest.mark.parametrize(("name", "suffix", "codec", "families"), CASES)
def test_two_judges_agree(tmp_path, name, suffix, codec, families):
    """The promises' names differ a little between the two; the families do not."""
    source, result = MEDIA / name, tmp_path / f"result{suffix}"
    tint(source, result, codec)

    report = verify_film(source, result)

    assert families == _families(broken(report), families), "\n".join(report.lines())
    assert families == _families(judged(source, result), families)
    assert "held" == states(report)["luma"] == states(report)["luma digest in tags"]


def _families(promises, families):
    """Names cut to the family that they belong to."""
    return {next((family for family in families if promise.startswith(family)), promise) for promise in promises}


def test_the_time_code_track_is_rebuilt(tmp_path):
    """The muxer writes it from the tag; its packet is the same, byte for byte."""
    source, result = MEDIA / "dv-interlaced-bff-timecode.mov", tmp_path / "result.mov"
    tint(source, result, "prores")

    report = verify_film(source, result)

    assert "held" == states(report)["time code 0 packets"] == states(report)["start time code"]
    assert "ffmpeg" in detail(report, "luma")


def test_what_a_container_cannot_hold_is_forgiven_when_allowed(tmp_path):
    source, result = MEDIA / "gopro-gpmd-data.mp4", tmp_path / "result.mkv"
    tint(source, result, "ffv1")

    report = verify_film(source, result, allow_loss=frozenset({"data"}))

    assert not report.is_broken
    assert "not tested" == states(report)["data streams"]
    assert "--allow-loss data" in detail(report, "data streams")
