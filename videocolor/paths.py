"""Where things lie: weights, work folders, results of a folder run. Decides names; opens nothing."""

from importlib import resources
from pathlib import Path

WEIGHTS_PACKAGE = "videocolor.weights"


def weights_folder() -> Path:
    """Folder of the cards and the shipped weights.

    In a wheel it is the package `videocolor.weights`; in a checkout the folder `weights/` beside the package.
    """
    checkout = Path(__file__).resolve().parent.parent / "weights"
    if checkout.is_dir():
        return checkout
    return Path(str(resources.files(WEIGHTS_PACKAGE)))


def work_folder(target: Path) -> Path:
    """Folder that holds a run's plan, segments and journal until the result is whole."""
    return target.with_name(f"{target.name}.work")


def report_path(target: Path) -> Path:
    """The run's report, which stays beside the result."""
    return target.with_name(f"{target.name}.report.json")
