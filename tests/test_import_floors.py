"""Imports point down the floors only. Wrong arrows are listed as file:line.

6  cli, api, __main__
5  verification, evaluate, examine
4  pipeline
3  merge, journal, references
2  media, shots, models, temporal        no arrows among themselves
1  color
0  core, errors, settings, paths, device, progress, log, files, memory, version
"""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    {"core", "errors", "settings", "paths", "device", "progress", "log", "files", "memory", "version"},
    {"color"},
    {"media", "shots", "models", "temporal"},
    {"merge", "journal", "references"},
    {"pipeline"},
    {"verification", "evaluate", "examine"},
    {"cli", "api", "__main__"},
)
# Libraries that only one part may know.
OWNERS = {
    "av": ("videocolor/media/",),
    "scenedetect": ("videocolor/shots/scenedetect.py",),
    "filelock": ("videocolor/journal/", "videocolor/pipeline/", "videocolor/models/store/fetch.py"),
    "click": ("videocolor/cli/",),
    "tqdm": ("videocolor/progress.py",),
    "matplotlib": ("videocolor/evaluate/plots.py",),
    "jinja2": ("videocolor/evaluate/html.py",),
    "platformdirs": ("videocolor/paths.py",),
    "pooch": ("videocolor/models/store/fetch.py",),
    "requests": ("videocolor/models/store/fetch.py", "videocolor/models/store/resumable.py"),
    "safetensors": ("videocolor/models/weights_file.py",),
    "ffmpeg": ("videocolor/media/ffmpeg_program.py", "videocolor/verification/"),
    "imageio_ffmpeg": ("videocolor/media/ffmpeg_program.py",),
    "training": (),
}


def file_name(path):
    return path.relative_to(ROOT).as_posix()


@cache
def imports():
    """(file, line, module) of every import in the package; `from package import module` counts as the module."""
    found = []
    for path in sorted((ROOT / "videocolor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(path, node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file_name(path)}:{node.lineno} imports relatively"
                found += [
                    (path, node.lineno, node.module + _submodule(node.module, alias.name)) for alias in node.names
                ]
    return tuple(found)


def _submodule(package, name):
    folder = ROOT.joinpath(*package.split("."))
    return f".{name}" if (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists() else ""


def part_of(module):
    """`videocolor.media.mux` belongs to `media`."""
    return module.split(".")[1] if module.startswith("videocolor.") else None


def floor_of(part):
    return next(number for number, parts in enumerate(FLOORS) if part in parts)


def test_every_part_has_its_floor():
    parts = {
        path.stem for path in (ROOT / "videocolor").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - {"__init__"} == set().union(*FLOORS)


def test_imports_point_down():
    wrong = []
    for path, line, module in imports():
        source, target = path.relative_to(ROOT / "videocolor").parts[0].removesuffix(".py"), part_of(module)
        # The package itself only names where its public names live; they are imported on first use.
        if target is None or source in ("__init__", target):
            continue
        lowest = source == "errors" or floor_of(source) < floor_of(target)
        beside = floor_of(source) == floor_of(target) == 2
        if lowest or beside:
            wrong.append(f"{file_name(path)}:{line} imports {module}")
    assert [] == wrong


def test_foreign_libraries_stay_with_their_owners():
    wrong = [
        f"{file_name(path)}:{line} imports {module}"
        for path, line, module in imports()
        if (owners := OWNERS.get(module.split(".")[0])) is not None and not file_name(path).startswith(owners or "-")
    ]
    assert [] == wrong


def test_only_read_ahead_starts_threads_and_nobody_processes_of_python():
    wrong = []
    for path in sorted((ROOT / "videocolor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            starts = name in {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "ThreadPool"}
            if starts and file_name(path) != "videocolor/pipeline/read_ahead.py":
                wrong.append(f"{file_name(path)}:{node.lineno} uses {name}")
    wrong += [
        f"{file_name(path)}:{line} imports {module}"
        for path, line, module in imports()
        if module.split(".")[0] in {"multiprocessing", "concurrent", "asyncio"}
    ]
    assert [] == wrong


def test_no_module_imports_itself_in_a_circle():
    arrows = {}
    for path, _, module in imports():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module.startswith("videocolor") and name != "videocolor":
            arrows.setdefault(name, set()).add(module)

    def circle_from(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        return next((found for to in sorted(arrows.get(name, ())) if (found := visit(to, [*way, name]))), None)

    done = set()

    def visit(name, way):
        if name in done:
            return None
        found = circle_from(name, way)
        if not found:
            done.add(name)
        return found

    assert [] == [" -> ".join(found) for name in sorted(arrows) if (found := visit(name, []))]
