"""From weights of others to a weight file of ours: recognized, norms folded, written, read back and compared.

Three copies of the parameters at most are in memory at a time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from videocolor.device import DTYPES
from videocolor.errors import SettingsError, TargetError, WeightsError
from videocolor.files import atomic_path, check_writable_folder, file_sha256, translated_os_errors
from videocolor.models.stored_model import StoredModel, fold_network, read_model, restore_network
from videocolor.models.weights_file import write_weights

REPORT_FORMAT = 1
SUFFIX = ".safetensors"
Precision = Literal["float16", "float32", "bfloat16"]

# Of the made input, in pixels: every family takes it.
_SIDE, _COARSE_SIDE = 64, 8
# In a* or b*: rounding in float32 stays far below, and nobody can see it.
_MOST_FOLD_DIFFERENCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertReport:
    """What was converted, and how far the result was found from its source."""

    source: str
    source_sha256: str
    target: str
    target_sha256: str
    target_bytes: int
    family: str
    hyper: dict[str, Any]
    precision: str
    parameter_count: int
    """Of the folded network."""
    fold_difference: float
    """Largest change of a* or b* by folding, in float32, on a made picture of 64 x 64."""
    precision_difference: float
    """Largest change of a* or b* by the stored number format, on the same picture."""
    format: int = REPORT_FORMAT

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """The source's network in the form for inference."""

    model: StoredModel
    """Its numbers in the stored number format."""
    parameter_count: int
    ab: Tensor
    """What it answered in float32."""
    difference: float


def convert(source: Path, target: Path, *, precision: Precision, overwrite: bool = False) -> ConvertReport:
    """Write a recognized network as a weight file of ours, in the form for inference, and verify what was written.

    Args:
        source: Any file that `read_model` reads.
        target: Ends with ".safetensors"; it has its name only after all checks.
        precision: Number format of stored matrices and kernels. Vectors stay float32: they weigh nothing, and the
            variances among them may exceed float16.
        overwrite: Replace an existing target.

    Raises:
        WeightsError: The source cannot be read, holds no known network, or its numbers do not stand the conversion.
        SettingsError: The target is the source, exists already, or ends otherwise.
        TargetError: The target cannot be written, or does not hold what was written.
    """
    _check_target(source, target, overwrite=overwrite)
    folded = _fold(source, precision)
    digest = file_sha256(source)
    header = {**folded.model.header, "precision": precision, "source": {"file": source.name, "sha256": digest}}
    with translated_os_errors(target), atomic_path(target) as part:
        write_weights(part, folded.model.state, header)
        ab = _written_ab(part, target, folded.model.state)
        target_sha256, target_bytes = file_sha256(part), part.stat().st_size
    return ConvertReport(
        source=str(source),
        source_sha256=digest,
        target=str(target),
        target_sha256=target_sha256,
        target_bytes=target_bytes,
        family=folded.model.family,
        hyper=folded.model.hyper,
        precision=precision,
        parameter_count=folded.parameter_count,
        fold_difference=folded.difference,
        precision_difference=_difference(ab, folded.ab),
    )


def _check_target(source: Path, target: Path, *, overwrite: bool) -> None:
    """Decide before the work whether the result can be written."""
    if target.suffix != SUFFIX:
        raise SettingsError(f"{target} does not end with {SUFFIX}.", "Choose a name that does.")
    if target.exists() and source.exists() and target.samefile(source):
        raise SettingsError(f"{target} is the source itself.", "Choose another name with -o.")
    if target.is_dir():
        raise SettingsError(f"{target} is a folder.", "Name a file in it with -o.")
    if target.exists() and not overwrite:
        raise SettingsError(f"{target} exists already.", "Use --overwrite, or choose another name with -o.")
    check_writable_folder(target.parent)


def _fold(source: Path, precision: Precision) -> _Folded:
    """Read, build, fold and round. All forms but the rounded one are released on return."""
    stored = read_model(source)
    network: Any = restore_network(stored)
    unfolded_ab = _ab(network, source)
    network = fold_network(network)
    ab = _ab(network, source)
    difference = _difference(ab, unfolded_ab)
    if difference > _MOST_FOLD_DIFFERENCE:
        raise WeightsError(
            f"Folding the norms of {source} changes its colors by up to {difference:.3g}.",
            "Its numbers are damaged; fetch the file again.",
        )
    hyper = asdict(network.hyper)
    header = {**stored.header, "family": stored.family, "hyper": hyper}
    state = _in_precision(network.state_dict(), precision)
    model = StoredModel(family=stored.family, hyper=hyper, state=state, header=header)
    parameter_count = sum(parameter.numel() for parameter in network.parameters())
    return _Folded(model=model, parameter_count=parameter_count, ab=ab, difference=difference)


def _in_precision(state: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    rounded = {}
    for key, value in state.items():
        is_rounded = value.is_floating_point() and value.dim() > 1
        rounded[key] = value.to(DTYPES[precision]) if is_rounded else value
        if not rounded[key].isfinite().all():
            raise WeightsError(f"{key} holds numbers beyond {precision}.", "Use --precision bfloat16 or float32.")
    return rounded


def _written_ab(part: Path, target: Path, state: Mapping[str, Tensor]) -> Tensor:
    """What the written file answers, once it is sure to hold `state` to the last bit."""
    written = read_model(part)
    is_same = written.state.keys() == state.keys() and all(
        value.dtype == state[key].dtype and torch.equal(value, state[key]) for key, value in written.state.items()
    )
    if not is_same:
        raise TargetError(f"{target} does not hold what was written.", "Check the disk.")
    return _ab(restore_network(written), target)


def _ab(network: Any, path: Path) -> Tensor:
    """a* and b* (1, 2, h, w) float32 of a made picture: smooth and always the same, L* over the whole range."""
    coarse = torch.rand(1, 1, _COARSE_SIDE, _COARSE_SIDE, generator=torch.Generator().manual_seed(0)) * 100
    lightness = F.interpolate(coarse, (_SIDE, _SIDE), mode="bilinear")
    # Not inference_mode: spectral norm keeps a tensor of the run, which folding takes over.
    with torch.no_grad():
        ab: Tensor = network.to_ab(network(network.to_input(lightness)), lightness).ab
    if not ab.isfinite().all():
        raise WeightsError(f"The network of {path} does not answer with finite numbers.", "Fetch the file again.")
    return ab


def _difference(ab: Tensor, expected: Tensor) -> float:
    return float((ab - expected).abs().max())
