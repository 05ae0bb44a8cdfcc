"""Proof that nothing of a film was lost: both files are read again, by other programs where possible."""

from pathlib import Path

from videocolor.media.still_probe import is_still
from videocolor.verification.film import verify_film
from videocolor.verification.report import Finding, VerifyReport, report_from_dict
from videocolor.verification.stills import verify_still

__all__ = ["Finding", "VerifyReport", "report_from_dict", "verify", "verify_film", "verify_still"]


def verify(
    source: Path,
    result: Path,
    *,
    start: str | None = None,
    end: str | None = None,
    allow_loss: frozenset[str] = frozenset(),
    video_stream: int | None = None,
) -> VerifyReport:
    """Check a result against its source, as a picture where the result is one by its content, else as a film.

    See `verify_film` for the arguments and errors; pictures know only `allow_loss`.
    """
    if is_still(result):
        return verify_still(source, result, allow_loss=allow_loss)
    return verify_film(source, result, start=start, end=end, allow_loss=allow_loss, video_stream=video_stream)
