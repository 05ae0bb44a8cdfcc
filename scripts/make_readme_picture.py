#!/usr/bin/env python
"""Makes the README's before/after picture: NASA's portrait of Eileen Collins (public domain), gray and colored.

python scripts/make_readme_picture.py            # writes docs/images/before-after.jpg with the shipped weights
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

import videocolor

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "before-after.jpg"
SIDE = 480
GAP = 8


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", default=TARGET)
    parser.add_argument("--weights", help="Weight file in place of the shipped one.")
    arguments = parser.parse_args()
    # Pillow's "L" is luma by BT.601.
    gray = Image.fromarray(skimage.data.astronaut()).convert("L")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "gray.png", Path(folder) / "color.png"
        gray.save(before)
        videocolor.colorize(before, after, weights=arguments.weights)
        pair = [
            Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS) for path in (before, after)
        ]
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    sheet = Image.fromarray(np.hstack([np.asarray(pair[0]), gap, np.asarray(pair[1])]))
    arguments.path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.path, quality=88, optimize=True)
    print(f"{arguments.path}: {arguments.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
