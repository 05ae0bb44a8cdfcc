"""Set-up of the log for programs; the library itself only calls `logging.getLogger(__name__)`."""

import logging
import sys


class _PlainFormatter(logging.Formatter):
    """`message` for information, `level: message` for the rest."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno == logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_log(*, verbosity: int) -> None:
    """Send the package's log to stderr.

    Args:
        verbosity: Below 0 only errors, 0 information and warnings, above 0 debugging.
    """
    level = logging.ERROR if verbosity < 0 else logging.INFO if verbosity == 0 else logging.DEBUG
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainFormatter())
    logger = logging.getLogger("videocolor")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
