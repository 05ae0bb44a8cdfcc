"""What verification says: one finding per promise, and the report that holds them. Judges nothing itself."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

State = Literal["held", "broken", "not tested"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one promise."""

    promise: str
    """Short name, such as "luma" or "audio 1 packets"."""
    state: State
    detail: str
    """What was measured, or why nothing was."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All findings about one result."""

    source: str
    result: str
    findings: tuple[Finding, ...]

    @property
    def is_broken(self) -> bool:
        """Whether any promise is broken; the command line then exits with `VerifyError.exit_code`."""
        return any(item.state == "broken" for item in self.findings)

    def count(self, state: State) -> int:
        """How many findings have a state."""
        return sum(item.state == state for item in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values for JSON; `report_from_dict` reads it back."""
        return {
            "format": _FORMAT,
            "source": self.source,
            "result": self.result,
            "broken": self.is_broken,
            "findings": [asdict(item) for item in self.findings],
        }

    def lines(self) -> list[str]:
        """A table for people: state, promise, detail."""
        width = max((len(item.promise) for item in self.findings), default=0)
        rows = [
            f"{item.state.upper() if item.state == 'broken' else item.state:10}  {item.promise:{width}}  {item.detail}"
            for item in self.findings
        ]
        counts = f"{self.count('held')} held, {self.count('broken')} broken, {self.count('not tested')} not tested"
        return [*(row.rstrip() for row in rows), counts]


def report_from_dict(values: Mapping[str, Any]) -> VerifyReport:
    """Read back what `VerifyReport.to_json` wrote.

    Raises:
        ValueError: Another format, or a state that does not exist.
    """
    if values.get("format") != _FORMAT:
        raise ValueError(f"verify report of format {values.get('format')!r}, expected {_FORMAT}")
    findings = []
    for item in values["findings"]:
        if item["state"] not in get_args(State):
            raise ValueError(f"state {item['state']!r}")
        findings.append(Finding(str(item["promise"]), cast(State, item["state"]), str(item["detail"])))
    return VerifyReport(str(values["source"]), str(values["result"]), tuple(findings))


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns measurements into findings, knowing what the user gave up."""

    allow_loss: frozenset[str] = frozenset()

    def check(self, promise: str, is_held: bool, detail: str, *, loss: str | None = None) -> Finding:
        """Held or broken; "not tested" where it is broken but the user allowed to lose exactly this."""
        if is_held:
            return Finding(promise, "held", detail)
        if loss is not None and loss in self.allow_loss:
            return Finding(promise, "not tested", f"{detail} (allowed by --allow-loss {loss})")
        return Finding(promise, "broken", detail)

    def skip(self, promise: str, reason: str) -> Finding:
        """Nothing was measured, and why."""
        return Finding(promise, "not tested", reason)


def shortened(names: Iterable[str], limit: int = 6) -> str:
    """A list for a detail, cut after a few entries."""
    items = list(names)
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more
