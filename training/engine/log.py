"""Numbers of a run: TensorBoard for curves, one JSON line per record for programs."""

import json
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Appends to `<run>/log.jsonl` and `<run>/tensorboard/`; closed by `with`.

    With `writes` off it does nothing: of several processes one writes the log.
    """

    def __init__(self, run_dir: Path, *, writes: bool = True) -> None:
        self.writes = writes
        if not writes:
            return
        run_dir.mkdir(parents=True, exist_ok=True)
        self._lines = open(run_dir / "log.jsonl", "a", encoding="utf-8")  # noqa: SIM115 (closed in __exit__)
        self._board = SummaryWriter(str(run_dir / "tensorboard"))

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.writes:
            return
        self._lines.close()
        self._board.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Record `values` (names such as "train/loss") at a step."""
        if not self.writes:
            return
        self._lines.write(json.dumps({"step": step, **{name: round(value, 6) for name, value in values.items()}}))
        self._lines.write("\n")
        self._lines.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
