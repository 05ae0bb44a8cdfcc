"""Which device and number format a network runs on, and what happens when its memory ends."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from videocolor.core.cards import ModelCard
from videocolor.errors import SettingsError

log = logging.getLogger(__name__)

_CLOSE_AB, _CLOSE_SHARE = 1.0, 0.1
"""Mean difference of ab up to which a half precision counts as the same colors: units, and share of their size."""

_MOST_TRIALS, _TRIAL_SECONDS = 4, 1.0

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""Number formats of networks and weight files by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """Where and in which numbers a network runs."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> str:
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)

    @property
    def threads(self) -> int | None:
        """Processor threads that a network uses here; None where the device is not the processor."""
        return torch.get_num_threads() if self.device.type == "cpu" else None

    @property
    def label(self) -> str:
        """For reports: the GPU's name, or the number of processor threads."""
        if self.device.type == "cuda":
            return f"{torch.cuda.get_device_name(self.device)}, {self.precision}"
        if self.device.type == "cpu":
            return f"cpu ({self.threads} threads), {self.precision}"
        return f"{self.device.type}, {self.precision}"


def choose_device(name: str) -> torch.device:
    """The torch device of an option's value.

    Args:
        name: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        SettingsError: Unknown, or not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"--device is {name!r}.", "Choose auto, cpu, cuda, cuda:N or mps.") from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise SettingsError(
                f"--device is {name}, but {count} CUDA devices were found.", "Use --device cpu or auto."
            )
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise SettingsError("--device is mps, but this machine has none.", "Use --device cpu or auto.")
    elif device.type != "cpu":
        raise SettingsError(f"--device is {name!r}.", "Choose auto, cpu, cuda, cuda:N or mps.")
    return device


def choose_compute(
    device_name: str, precision: str, card: ModelCard, trial: Callable[[Compute], torch.Tensor] | None = None
) -> Compute:
    """Device and number format for a model.

    Args:
        device_name: See `choose_device`.
        precision: "auto", "float32", "bfloat16" or "float16".
        card: Says which formats the network stands.
        trial: Runs the network once on made input and gives its ab. With "auto", a half precision is kept only if
            its colors are close to float32's on this device, and on a CPU only if it is clearly faster: without
            native instructions bfloat16 is slower.

    Raises:
        SettingsError: The model does not stand the format, or the device lacks it.
    """
    device = choose_device(device_name)
    if precision != "auto":
        if precision not in card.precisions:
            raise SettingsError(
                f"--precision {precision} is not possible with {card.name}.",
                f"Choose from {', '.join(card.precisions)}.",
            )
        if precision == "float16" and device.type == "cpu":
            raise SettingsError("--precision float16 is not possible on a CPU.", "Use bfloat16 or float32.")
        return Compute(device=device, dtype=DTYPES[precision])
    exact = Compute(device=device, dtype=torch.float32)
    name = _fast_precision(device)
    if name is None or name not in card.precisions or trial is None:
        return exact
    half = Compute(device=device, dtype=DTYPES[name])
    # The half precision first: its trial has copies of the weights that float32's takes over and packs.
    rough = trial(half)
    if not _is_close(rough, trial(exact)):
        log.warning("%s in %s is far from float32 on %s: float32 is used.", card.name, name, device)
        return exact
    if device.type != "cpu":
        return half
    times = _best_times(trial, [exact, half])
    log.debug("float32 %.1f ms, %s %.1f ms", times[0] * 1e3, name, times[1] * 1e3)
    # Half precision must clearly pay: a tie keeps the exact numbers.
    return half if times[1] < 0.85 * times[0] else exact


def _fast_precision(device: torch.device) -> str | None:
    """The half precision that may pay on a device."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "bfloat16" if device.type == "cpu" else None


def _is_close(half: torch.Tensor, exact: torch.Tensor) -> bool:
    """Whether two answers differ by rounding only: NaN, overflow and broken kernels are far beyond."""
    difference = float((half - exact).abs().mean())
    return difference < _CLOSE_AB + _CLOSE_SHARE * float(exact.abs().mean())


def _best_times(trial: Callable[[Compute], torch.Tensor], candidates: list[Compute]) -> list[float]:
    """Processor seconds on one thread: unlike wall time they hardly depend on what else the machine is doing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        best = [float("inf")] * len(candidates)
        spent, runs = 0.0, 0
        # A small network takes milliseconds and is timed often, a large one seconds and is timed once.
        while runs < 1 or (runs < _MOST_TRIALS and spent < _TRIAL_SECONDS):
            for index, candidate in enumerate(candidates):
                begin = time.process_time()
                trial(candidate)
                best[index] = min(best[index], time.process_time() - begin)
                spent += best[index]
            runs += 1
        return best
    finally:
        torch.set_num_threads(threads)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python means that memory ended (only CUDA has an error class of its own)."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    # The CPU allocator's words on Linux and Windows, then those of MPS and the CUDA libraries.
    words = ("can't allocate memory", "not enough memory", "out of memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(word in text for word in words)


def default_batch_size(device: torch.device, pixels: int) -> int:
    """Frames a network run where the user leaves it open: as many as fill the device, and no more memory than that.

    Args:
        device: The latency of a CPU is low, a GPU wants to be filled.
        pixels: Of the network's input for one frame.
    """
    most, budget = (16, 16 << 16) if device.type == "cuda" else (4, 4 << 16)
    return max(1, min(most, budget // pixels))
