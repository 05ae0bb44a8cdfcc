"""Where things lie: weights, work folders, results of a folder run. Decides names; opens nothing."""

import os
from pathlib import Path


def weights_folder() -> Path:
    """Folder of the cards and the shipped weights.

    In a wheel it is the package `videocolor.weights`; in a checkout the folder `weights/` beside the package.
    """
    package = Path(__file__).resolve().parent
    installed = package / "weights"
    # Asked first: beside an installed package lie other packages, and one of them may be called `weights`.
    return installed if installed.is_dir() else package.parent / "weights"


def work_folder(target: Path) -> Path:
    """Folder that holds a run's plan, segments and journal until the result is whole."""
    return target.with_name(f"{target.name}.work")


def report_path(target: Path) -> Path:
    """The run's report, which stays beside the result."""
    return target.with_name(f"{target.name}.report.json")


def weights_cache() -> Path:
    """Folder of fetched weights: `VIDEOCOLOR_WEIGHTS`, else in the user's cache folder. It may not exist yet."""
    chosen = os.environ.get("VIDEOCOLOR_WEIGHTS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("videocolor", appauthor=False) / "weights"
