"""The made films of the promise tests, and the colored ones of the measures' tests, serve here too."""

import sys
from pathlib import Path

for folder in ("promises", "evaluate"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
