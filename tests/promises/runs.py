"""How the promise tests run the program: through the public pipeline with a tiny network, or the command line."""

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videocolor.core.cards import ModelCard, SizeRule
from videocolor.core.frames import ChromaBatch
from videocolor.device import Compute
from videocolor.models.adapter import NetworkColorizer
from videocolor.pipeline.film import RunOptions, colorize_film
from videocolor.pipeline.report import RunReport
from videocolor.progress import NoProgress
from videocolor.settings import EncodeSettings, RunSettings
from videocolor.verification.after_run import check_muxed

TINY_CARD = ModelCard(
    name="tiny",
    family="tiny",
    summary="A random network for tests.",
    weights_file=None,
    sha256="0" * 64,
    licence="none",
    size_rule=SizeRule(multiple_of=8, minimum=16, square=False, default_side=64, rim=0),
)
_ENCODE_NAMES = frozenset(EncodeSettings.__dataclass_fields__)


class TinyNetwork(nn.Module):
    """Two fixed random layers: another ab for every lightness, the same on every run."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.first = nn.Conv2d(1, 4, 5, padding=2)
        self.last = nn.Conv2d(4, 2, 3, padding=1)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5

    def to_input(self, lightness: Tensor) -> Tensor:
        return lightness / 50 - 1

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)))

    def to_ab(self, output: Tensor, lightness: Tensor) -> ChromaBatch:
        return ChromaBatch(ab=output * 20)


def tiny_colorizer(network: nn.Module | None = None) -> NetworkColorizer:
    """A Colorizer that costs nothing."""
    compute = Compute(device=torch.device("cpu"), dtype=torch.float32)
    return NetworkColorizer(network or TinyNetwork(), TINY_CARD, compute)


def colorize(source: Path, target: Path, *, colorizer: Any = None, options: RunOptions | None = None, **values: Any):
    """Color a film with the tiny network; keywords are fields of the settings."""
    encode = EncodeSettings(**{name: values.pop(name) for name in list(values) if name in _ENCODE_NAMES})
    report = colorize_film(
        source,
        target,
        RunSettings(encode=encode, **values),
        options or RunOptions(),
        progress=NoProgress(),
        check_result=check_muxed,
        colorizer=colorizer or tiny_colorizer(),
    )
    assert isinstance(report, RunReport)
    return report


class Outcome:
    """What a command said and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[str]:
        """Lines of stderr."""
        return self.err.splitlines()

    @property
    def last(self) -> str:
        return self.lines[-1] if self.lines else ""

    def __repr__(self) -> str:
        return f"exit code {self.code}\nstdout: {self.out}\nstderr: {self.err}"


FAST = ("--render-factor", "4", "--device", "cpu", "--precision", "float32", "--preset", "ultrafast")
FAST_FFV1 = ("--render-factor", "4", "--device", "cpu", "--precision", "float32", "--codec", "ffv1")


def command(*args: object) -> Outcome:
    """Run the command line in this process."""
    from videocolor.cli.main import cli
    from videocolor.cli.output import run_command

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(cli, [str(arg) for arg in args])
    return Outcome(code, out.getvalue(), err.getvalue())


def leftovers(folder: Path, *kept: Path) -> list[str]:
    """Names in a folder besides those that belong there."""
    return sorted(item.name for item in folder.iterdir() if item not in kept)
