"""Promise: equal settings give equal films, bit for bit, on one machine: resume and verification stand on it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_films import make_film

from videocolor.media.formats import choose_encoding
from videocolor.media.probe import probe_film
from videocolor.settings import EncodeSettings

# Memory that malloc hands out is filled with a chosen byte: code that reads what it never wrote shows itself.
_SCRIPT = """
import hashlib, sys
from pathlib import Path
from fractions import Fraction
import av
sys.path.insert(0, sys.argv[1])
from made_films import make_film
from videocolor.media.encode import add_video_stream
from videocolor.media.formats import choose_encoding
from videocolor.media.probe import probe_film
from videocolor.settings import EncodeSettings
folder = Path(sys.argv[2])
film = make_film(
    folder / "film.mkv", frame_count=24, height=240, width=320, codec="ffv1", options={}, pix_fmt=sys.argv[4]
)
encoding = choose_encoding(
    probe_film(film), EncodeSettings(codec=sys.argv[3]), folder / "o.mkv", allow_loss=frozenset()
)
digest = hashlib.sha256()
with av.open(str(folder / "o.mkv"), "w") as out, av.open(str(film)) as source:
    stream = add_video_stream(out, encoding)
    for frame in [*source.decode(video=0), None]:
        for packet in stream.encode(frame):
            digest.update(bytes(packet))
print(digest.hexdigest())
"""


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [("h264", "yuv420p"), ("h264", "yuv420p10le"), ("h265", "yuv420p")],
)
def test_encoders_are_repeatable(tmp_path, codec, pix_fmt):
    """x264's AVX-512 macroblock tree read memory that was never written: a resumed film differed from a whole one."""
    here = Path(__file__).parent
    results = set()
    for fill in ("1", "170"):
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, here, tmp_path, codec, pix_fmt],
            env={**os.environ, "MALLOC_PERTURB_": fill, "PYTHONPATH": str(here.parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        results.add(done.stdout.strip())

    assert 1 == len(results)
    assert hashlib.sha256().hexdigest() not in results


def test_deep_h264_uses_one_thread(tmp_path):
    """x264 with several threads at 10 bit: about one run in twenty differed, with every instruction set."""
    film = make_film(tmp_path / "film.mkv", frame_count=2, codec="ffv1", options={}, pix_fmt="yuv420p10le")
    info = probe_film(film)

    chosen = choose_encoding(info, EncodeSettings(codec="h264"), tmp_path / "o.mkv", allow_loss=frozenset())

    assert 1 == chosen.threads
