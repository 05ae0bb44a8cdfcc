"""A run's work folder: what lies where, whose it is, and when it may be thrown away."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from videocolor.errors import ResumeError, TargetError
from videocolor.files import translated_os_errors
from videocolor.journal.fingerprint import (
    Fingerprint,
    check_same_run,
    differs_in_references_only,
    read_fingerprint,
    write_fingerprint,
)
from videocolor.journal.journal import Journal


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """`<result>.work/`: fingerprint, plan, finished segments and their journal."""

    path: Path

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def segments(self) -> Path:
        return self.path / "segments"

    @property
    def references(self) -> Path:
        """A person's colors, carried through their shots."""
        return self.path / "references"

    def result(self, suffix: str) -> Path:
        """The muxed file before it gets its name."""
        return self.path / f"result{suffix}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and keep it for this process; one that holds nothing finished is removed at an error.

        Raises:
            ResumeError: Another process works in it.
            TargetError: It cannot be made, or a folder of that name is somebody else's.
        """
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / "lock").exists():
            raise TargetError(f"{self.path} is in the way: it was not made by videocolor.", "Move it elsewhere.")
        with translated_os_errors(self.path):
            self.path.mkdir(exist_ok=True)
        try:
            with FileLock(self.path / "lock", timeout=0):
                try:
                    yield
                except BaseException:
                    # A refused or interrupted planning pass leaves nothing that is worth a resume.
                    if not self.plan.exists():
                        self.discard()
                    raise
        except Timeout as error:
            raise ResumeError(f"Another run is working in {self.path}.", "Wait for it, or end it first.") from error

    def fingerprint(self) -> Fingerprint | None:
        """Of the run that lies here; None where there is none."""
        return read_fingerprint(self.path)

    def begin(self, fingerprint: Fingerprint, *, restart: bool) -> None:
        """Go on with the run that lies here, or begin a new one where none is finished in part.

        Raises:
            ResumeError: Finished segments belong to a run that differs.
        """
        saved = self.fingerprint()
        if saved is not None and not restart:
            if self.journal().has_results:
                check_same_run(saved, fingerprint, self.path)
            if saved == fingerprint:
                return
        # Planning a long film anew for every picture that is put right would cost its user an hour.
        if saved is None or restart or not differs_in_references_only(saved, fingerprint):
            self.plan.unlink(missing_ok=True)
        (self.path / "journal.jsonl").unlink(missing_ok=True)
        shutil.rmtree(self.segments, ignore_errors=True)
        write_fingerprint(self.path, fingerprint)
        self.segments.mkdir(exist_ok=True)

    def journal(self) -> Journal:
        """The record of finished segments."""
        return Journal(self.path / "journal.jsonl", self.segments)

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
