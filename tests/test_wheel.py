"""The wheel is whole: with cards and weights, without training, and it colors offline outside the checkout."""

import importlib.util
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("videocolor", "weights", "training", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")

# Any attempt to reach another machine fails; then a tiny gray picture is colored by the installed package.
_OFFLINE_RUN = """
import socket, sys

def refuse(*arguments, **options):
    raise AssertionError("the network was asked")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import videocolor
from pathlib import Path
from videocolor.paths import weights_folder

home = Path(videocolor.__file__).resolve().parent
assert home.is_relative_to(Path(sys.prefix).resolve()), home
assert weights_folder() == home / "weights", weights_folder()
videocolor.colorize(sys.argv[1], sys.argv[2], device="cpu")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, so that nothing old lies about and the checkout stays clean."""
    for tool in ("pip", "setuptools"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed in this environment")
    folder = tmp_path_factory.mktemp("wheel")
    for name in PARTS:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(folder / "source")], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_has_weights_and_no_training(wheel):
    """An installed videocolor finds its weights; training stays in the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"videocolor/weights/{path.name}" for path in (ROOT / "weights").iterdir()}

    assert {"videocolor/weights/compact.toml", "videocolor/weights/compact.safetensors"} <= expected
    assert set() == expected - names
    assert [] == [name for name in names if name.startswith(("training/", "tests/", "weights/", "build/"))]


def test_the_wheel_has_every_module(wheel):
    """Nothing of the package is left behind."""
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "videocolor").rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert set() == modules - names
    assert "videocolor/evaluate/page.html" in names


def test_the_wheel_has_its_licences(wheel):
    """The MIT text and the notice about the encoder's start travel with the weights."""
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name for name in archive.namelist() if ".dist-info/" in name}

    assert {"LICENSE", "NOTICE", "entry_points.txt"} <= names


@pytest.mark.slow
def test_the_installed_wheel_colors_offline(wheel, tmp_path):
    """In an environment of its own, far from the checkout and without network, a picture gets its colors."""
    from PIL import Image

    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    packages = next((home / "lib").glob("python3*/site-packages"))
    # Torch and the rest come from this environment. A path in a .pth file does not run the .pth files there, so an
    # installation in place is not seen.
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", packages, wheel],
        check=True,
        env=clean,
    )
    gray, color = tmp_path / "gray.png", tmp_path / "color.png"
    Image.linear_gradient("L").resize((64, 48)).save(gray)

    subprocess.run([python, "-c", _OFFLINE_RUN, gray, color], check=True, cwd=tmp_path, env=clean)

    with Image.open(color) as picture:
        assert ("RGB", (64, 48)) == (picture.mode, picture.size)
