"""`evaluate`: two films, two pictures or two folders of pictures, told apart by their content."""

from pathlib import Path

from videocolor.errors import MediaError, MediaNotFound
from videocolor.evaluate.compare_films import compare_films
from videocolor.evaluate.compare_pictures import compare_folders, compare_pictures
from videocolor.evaluate.comparison import Comparison
from videocolor.media.still_probe import is_still
from videocolor.progress import Progress


def compare(truth: Path, result: Path, *, detector: str, progress: Progress) -> Comparison:
    """Score a result against the true colors.

    Args:
        truth: A color film, a color picture, or a folder of such pictures.
        result: The same, colored from its luma.
        detector: Shot detector, for films.
        progress: Told about every frame or picture.

    Raises:
        MediaNotFound: One of the two does not exist.
        MediaError: They are no pair of the same kind, or cannot be compared.
    """
    for path in (truth, result):
        if not path.exists():
            raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    kinds = {path: _kind(path) for path in (truth, result)}
    if kinds[truth] != kinds[result]:
        raise MediaError(
            f"{truth} is a {kinds[truth]} and {result} a {kinds[result]}.",
            "Give two films, two pictures, or two folders of pictures.",
        )
    if kinds[truth] == "folder":
        return compare_folders(truth, result, progress=progress)
    if kinds[truth] == "picture":
        return compare_pictures(truth, result, progress=progress)
    return compare_films(truth, result, detector=detector, progress=progress)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    return "picture" if is_still(path) else "film"
