#!/usr/bin/env python
"""Examines every model whose weights are here, writes one page over all, and the section of each model's card.

    python scripts/examine_models.py --target docs/results-examination.md -- photos/ --clips clips/ --unseen coco132
    python scripts/examine_models.py --models compact,deoldify-video --results results/ -- photos/ --few 12

What stands behind `--` goes to `videocolor examine`. Each model has a process of its own, so that the memory of one
does not stay when the next begins. With `--results FOLDER` each result is kept there as NAME.json and NAME.html, and a
model whose NAME.json lies there already is not examined again, if it is of the same weights and options: a stopped
evening's work goes on. Models that need guides are left out.

The section goes into weights/NAME.md where that is a file and the weights are those of the card NAME.toml.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from videocolor.errors import VideoColorError
from videocolor.examine.bootstrap import read_results
from videocolor.examine.exam import RESULT_FORMAT
from videocolor.examine.markdown import card_section, results_page, with_section
from videocolor.files import file_sha256, write_text_atomically
from videocolor.models.loader import model_parts, weights_path
from videocolor.models.registry import list_cards, load_card, read_card
from videocolor.models.store.place import find_weights

CARDS = Path(__file__).resolve().parents[1] / "weights"


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, examine, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="names by commas [default: all whose weights are here]")
    parser.add_argument("--target", type=Path, metavar="FILE", help="Markdown page over all models [default: stdout]")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="keep results, go on with what is there")
    parser.add_argument("--cards", type=Path, default=CARDS, metavar="FOLDER", help="where NAME.toml and NAME.md lie")
    parser.add_argument("--date", help="of the examination [default: when each result was written]")
    parser.add_argument("examine", nargs="*", help="photographs and options of videocolor examine, behind --")
    options = parser.parse_args(arguments)
    names = options.models.split(",") if options.models else models_here()
    if not names:
        print("No model's weights are here: videocolor models fetch NAME", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.results or Path(temporary)
            results = [examined(name, folder, options.examine) for name in names]
            days = [options.date or day_of(folder / f"{name}.json") for name in names]
        page = results_page(results, date=max(days))
        if options.target is None:
            print(page, end="")
        else:
            write_text_atomically(options.target, page)
        for result, day in zip(results, days, strict=True):
            write_card(result, options.cards, day=day)
    except VideoColorError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        # The program has said why.
        return error.returncode
    return 0


def models_here(folder: Path | None = None) -> list[str]:
    """Names of the models (of the cards in `folder`) that need no guides and whose weights are here."""
    cards = [card for card in list_cards(folder) if not card.needs]
    return [card.name for card in cards if card.weights_file is not None and find_weights(card.weights_file)]


def examined(name: str, folder: Path, options: Sequence[str]) -> dict[str, Any]:
    """A model's result: that in `folder` if weights and options are equal, else of an examination now, left there."""
    kept = folder / f"{name}.json"
    if kept.exists():
        (result,) = read_results(kept, RESULT_FORMAT)
        if result.get("options") == list(options) and result["sha256"] == weights_digest(name, options):
            print(f"{name}: taken from {kept}", file=sys.stderr)
            return result
        print(f"{name}: examined anew, {kept} is of other weights or options", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    page = ["--html", str(folder / f"{name}.html"), "--overwrite"]
    command = [sys.executable, "-m", "videocolor", "examine", name, *options, "--json", *page]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    write_text_atomically(kept, json.dumps(json.loads(done.stdout) | {"options": list(options)}, indent=1) + "\n")
    return read_results(kept, RESULT_FORMAT)[0]


def weights_digest(name: str, options: Sequence[str]) -> str:
    """The sha256 of the weights that an examination would load now; of two blended models both, joined by "+"."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--weights", action="append", default=[])
    parts = model_parts(name)
    files = {}
    for text in parser.parse_known_args(options)[0].weights:
        owner, _, file = text.partition("=")
        files |= {owner: file} if owner in parts else {parts[0]: text}
    return "+".join(file_sha256(weights_path(load_card(part), files.get(part))) for part in parts)


def day_of(path: Path) -> str:
    """When a file was written, as 2026-01-31."""
    return date.fromtimestamp(path.stat().st_mtime).isoformat()


def write_card(result: dict[str, Any], folder: Path, *, day: str) -> None:
    """Put the section into the model's card, if there is one and the examined weights are the card's."""
    prose, card = folder / f"{result['model']}.md", folder / f"{result['model']}.toml"
    if not prose.is_file():
        return
    if not card.is_file() or read_card(card).sha256 != result["sha256"]:
        print(f"{prose} is left alone: other weights were examined.", file=sys.stderr)
        return
    write_text_atomically(prose, with_section(prose.read_text(encoding="utf-8"), card_section(result, date=day)))


if __name__ == "__main__":
    sys.exit(main())
