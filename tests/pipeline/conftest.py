"""The films and runs of the promise tests, and the scenes of the reference tests, serve here too."""

import sys
from pathlib import Path

for folder in ("promises", "references"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
