"""Command line of the training package: `python -m training --help`."""

import json
import logging
import sys
from pathlib import Path

import click

from training.recipe import RECIPES, load_recipe, recipe_from
from videocolor.errors import VideoColorError

_CHECKOUT = Path(__file__).resolve().parent.parent
_DATA = _CHECKOUT.parent / "shared" / "data"
_RUNS = _CHECKOUT.parent / "dev" / "runs"

_path = click.Path(path_type=Path)
data_option = click.option("--data", type=_path, default=_DATA, help="Folder that holds train/ and val/.")
cache_option = click.option("--cache", type=_path, default=_RUNS / "cache", help="Folder for decoded photographs.")
run_option = click.option("--run-dir", type=_path, default=_RUNS / "compact", help="Folder of checkpoint and log.")


@click.group()
@click.option("--threads", default=1, show_default=True, help="Threads of torch and OpenCV.")
def main(threads: int) -> None:
    """Train, look at, evaluate and export videocolor's own models."""
    import cv2
    import torch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


@main.command()
@click.option("--config", type=_path, default=RECIPES / "compact.toml", help="Recipe.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, such as phases.0.steps=100.")
@click.option("--resume", is_flag=True, help="Go on from the run's checkpoint.")
@click.option("--init-from", type=_path, help="Weight file to start from, in place of ImageNet's encoder.")
@run_option
@data_option
@cache_option
def compact(
    config: Path,
    overrides: tuple[str, ...],
    resume: bool,
    init_from: Path | None,
    run_dir: Path,
    data: Path,
    cache: Path,
) -> None:
    """Train the small default colorizer. A file named `stop` in the run folder ends it early and saves.

    On several cores: torchrun --nproc-per-node 2 -m training compact.
    """
    from training.data.pictures import open_store
    from training.engine.parallel import first_worker_first, join_group
    from training.loops.supervised import train

    recipe = load_recipe(config, overrides)
    worker = join_group()
    with first_worker_first(worker):
        store = open_store(data / "train", cache)
    checkpoint = train(recipe, store, run_dir, resume=resume, init_from=init_from, worker=worker)
    if worker.rank == 0:
        print(checkpoint)


@main.command()
@click.argument("model", type=_path)
@click.option("--side", "sides", multiple=True, type=int, default=(256, 128), help="Side of the crops; repeatable.")
@click.option("--kinds", is_flag=True, help="Also by kind of picture, at the first side.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def evaluate(model: Path, sides: tuple[int, ...], kinds: bool, as_json: bool, data: Path) -> None:
    """Score MODEL (a weight file or a checkpoint) on the validation photographs."""
    from training import evaluate as scoring
    from training.data.pictures import load_folder
    from training.networks import open_network

    store, kind_of = load_folder(data / "val")
    network = open_network(model)
    figures = scoring.report(network, store, sides)
    if as_json:
        print(json.dumps(figures))
        return
    for side, values in figures.items():
        print(f"{side} px: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))
    if kinds:
        print(scoring.format_scores(scoring.scores_by_kind(network, store, kind_of, side=sides[0])))


@main.command()
@click.argument("model", type=_path)
@click.option("--side", default=192, show_default=True, help="Side of the crops.")
@click.option("--pictures", default=200, show_default=True, help="How many of the tuning pictures.")
@data_option
@cache_option
def tune(model: Path, side: int, pictures: int, data: Path, cache: Path) -> None:
    """Score temperatures and gains of the weight file MODEL on the pictures put aside for tuning."""
    from training import evaluate as scoring
    from training.data.pictures import open_store
    from training.networks import open_network
    from videocolor.color.codec import BinCodec
    from videocolor.models.weights_file import read_header

    recipe = recipe_from(read_header(model)["recipe"], "the header's recipe")
    store = open_store(data / "train", cache)
    _, members = recipe.split(store)
    codecs = [BinCodec(temperature=value) for value in (0.25, 0.38, 0.5, 0.7)]
    gains = (1.0, 1.2, 1.4, 1.6, 1.8)
    rows = scoring.sweep(open_network(model), store, members[:pictures], side=side, codecs=codecs, gains=gains)
    print(scoring.format_scores({f"T {row.codec.temperature} gain {row.gain}": row.scores for row in rows}))


@main.command()
@click.argument("model", type=_path)
@click.argument("target", type=_path)
@click.option("--side", default=160, show_default=True, help="Side of the squares.")
@click.option("--columns", default=2, show_default=True, help="Triples gray | result | truth per row.")
@click.option("--every", default=8, show_default=True, help="Every how many validation pictures.")
@click.option("--first", default=0, show_default=True, help="Number of the first validation picture.")
@data_option
def sheet(model: Path, target: Path, side: int, columns: int, every: int, first: int, data: Path) -> None:
    """Write a contact sheet of MODEL's answers to TARGET, a PNG outside the repository."""
    from training.data.pictures import load_folder
    from training.networks import open_network
    from training.sheets import write_sheet

    store, _ = load_folder(data / "val")
    members = list(range(first, len(store), every))
    write_sheet(target, open_network(model), store, members, side=side, columns=columns)
    print(target)


@main.command()
@click.argument("source", type=_path)
@click.option(
    "--colorfulness", default=0.62, show_default=True, help="Wanted ratio to the truth's, on tuning pictures."
)
@click.option("--input-smoothing", type=float, help="Deviation in L* of the bilateral filter on the network's input.")
@click.option("--start", type=_path, help="Weight file that the run started from, to be mixed into the result.")
@click.option("--start-share", default=0.5, show_default=True, help="Its share of the weights, 0 to 1.")
@click.option("--folder", type=_path, default=_CHECKOUT / "weights", help="Where the files go.")
@data_option
@cache_option
def export(
    source: Path,
    colorfulness: float,
    input_smoothing: float | None,
    start: Path | None,
    start_share: float,
    folder: Path,
    data: Path,
    cache: Path,
) -> None:
    """Write weight file, card and prose of SOURCE, a checkpoint or an earlier export.

    The decoding is chosen on the pictures put aside for tuning.
    """
    from training.data.pictures import load_folder, open_store
    from training.export import export as write

    store = open_store(data / "train", cache)
    val, _ = load_folder(data / "val")
    path = write(
        source,
        store,
        val,
        folder,
        colorfulness=colorfulness,
        input_smoothing=input_smoothing,
        start=start,
        start_share=start_share,
    )
    print(path)


if __name__ == "__main__":
    try:
        main()
    except VideoColorError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
