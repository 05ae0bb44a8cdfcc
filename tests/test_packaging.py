"""What is installed: all packages of the tree, and nothing that a bare machine lacks."""

import ast
import configparser
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _set_up() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_listed():
    """A folder that setup.cfg does not list would be missing from the wheel, and only there."""
    listed = _set_up()["options"]["packages"].split()
    found = {
        str(path.parent.relative_to(ROOT)).replace("/", ".") for path in (ROOT / "videocolor").rglob("__init__.py")
    }

    assert sorted(found | {"videocolor.weights"}) == sorted(listed)


def test_no_module_lies_outside_a_package():
    """A folder of modules without __init__.py works in a checkout and is missing from the wheel."""
    folders = {path.parent for path in (ROOT / "videocolor").rglob("*.py")}

    assert [] == sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists())


def test_the_version_is_read_without_importing():
    """setup.cfg takes the version from a file that imports nothing, so that building needs no torch."""
    tree = ast.parse((ROOT / "videocolor" / "version.py").read_text())

    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert "attr: videocolor.version.__version__" == _set_up()["metadata"]["version"]


def test_opencv_needs_no_desktop():
    """The desktop build of OpenCV wants libGL and glib from the system; the core must not ask for it."""
    required = _set_up()["options"]["install_requires"]

    assert "opencv-python-headless" in required
    assert "opencv-python>" not in required


def test_imports_are_required():
    """Whatever the package imports stands in install_requires, or is an extra that its module imports late."""
    known = {
        "torch": "torch",
        "torchvision": "torchvision",
        "av": "av",
        "cv2": "opencv-python-headless",
        "numpy": "numpy",
        "imageio_ffmpeg": "imageio-ffmpeg",
        "PIL": "pillow",
        "safetensors": "safetensors",
        "filelock": "filelock",
        "tqdm": "tqdm",
        "click": "click",
    }
    required = _set_up()["options"]["install_requires"]
    missing = set()
    for path in (ROOT / "videocolor").rglob("*.py"):
        # Imports at a module's head; those inside functions are for extras.
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                names = [item.name for item in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in (name.split(".")[0] for name in names):
                if (
                    name not in sys.stdlib_module_names
                    and name != "videocolor"
                    and known.get(name, "?") not in required
                ):
                    missing.add(f"{path.name}: {name}")

    assert set() == missing
