"""The program from Python: the same functions that the command line calls."""

from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from videocolor.core.cards import ModelCard
from videocolor.core.media import MediaInfo
from videocolor.models.adapter import DeviceColorizer
from videocolor.models.registry import list_cards
from videocolor.pipeline.film import RunOptions
from videocolor.pipeline.model import load_model
from videocolor.pipeline.report import RunReport, StillReport
from videocolor.pipeline.route import FolderItem, colorize_file, colorize_folder
from videocolor.pipeline.route import probe as _probe
from videocolor.progress import NoProgress, Progress
from videocolor.settings import BlendMethod, EncodeSettings, Precision, RunSettings
from videocolor.verification import VerifyReport
from videocolor.verification import verify as _verify
from videocolor.verification.after_run import check_muxed

_ENCODE_NAMES = frozenset(item.name for item in fields(EncodeSettings))


def colorize(
    src: str | PathLike[str],
    dst: str | PathLike[str],
    *,
    model: str = "compact",
    overwrite: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> RunReport | StillReport | list[FolderItem]:
    """Color a film, a picture, or a folder of both.

    Args:
        src: The source.
        dst: The result: a file, or a folder where the source is one.
        model: Name in the model registry.
        overwrite: Replace an existing result.
        restart: Throw away an unfinished run's work.
        progress: Told about phases and frames; None watches nothing.
        **settings: Fields of `RunSettings` and `EncodeSettings`, for example `render_factor=20`, `codec="ffv1"`.

    Returns:
        The run's report; for a folder one item per file.

    Raises:
        TypeError: A setting that does not exist.
        VideoColorError: See `videocolor.errors`.
    """
    encode = EncodeSettings(**{name: settings.pop(name) for name in list(settings) if name in _ENCODE_NAMES})
    run = RunSettings(model=model, encode=encode, **settings)
    options = RunOptions(overwrite=overwrite, restart=restart)
    watcher = progress or NoProgress()
    source, target = Path(src), Path(dst)
    if source.is_dir():
        return colorize_folder(source, target, run, options, progress=watcher, check_result=check_muxed)
    return colorize_file(source, target, run, options, progress=watcher, check_result=check_muxed)


def load_colorizer(
    name: str = "compact",
    *,
    weights: str | tuple[str, ...] | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    blend: float | None = None,
    blend_method: BlendMethod | None = None,
) -> DeviceColorizer:
    """A model that is ready to run; its `predict` takes a `LumaBatch` (see `videocolor.core.frames`).

    Args:
        name: In the model registry, or two joined by "+".
        weights: Weight file in place of the model's own; of two models `NAME=FILE`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: Number format of the network.
        blend: Weight of the second of two models; None: 0.4.
        blend_method: How two models become one; None: "plain".

    Raises:
        SettingsError: No such model or device, or a blend of one model.
        WeightsError: Weights missing, damaged, or of another network.
    """
    settings = RunSettings(
        model=name, weights=weights, device=device, precision=precision, blend=blend, blend_method=blend_method
    )
    return load_model(settings)


def probe(path: str | PathLike[str]) -> MediaInfo:
    """What a film or picture is, by its content.

    Raises:
        MediaError: Neither film nor picture.
    """
    return _probe(Path(path))


def verify(
    src: str | PathLike[str],
    dst: str | PathLike[str],
    *,
    start: str | None = None,
    end: str | None = None,
    allow_loss: frozenset[str] = frozenset(),
    video_stream: int | None = None,
) -> VerifyReport:
    """Prove what a result kept of its source.

    Raises:
        MediaError: One of the files cannot be read.
    """
    return _verify(Path(src), Path(dst), start=start, end=end, allow_loss=allow_loss, video_stream=video_stream)


def list_models() -> tuple[ModelCard, ...]:
    """The cards of all models."""
    return list_cards()
