"""Every error that videocolor raises on purpose. Owns the exit codes; printing happens in `cli/` only.

    VideoColorError             1   something failed
    ├── SettingsError           2   options that are wrong or contradict each other
    ├── MediaError              3   an input that cannot be read as film or picture
    │   ├── MediaNotFound       3   (also a FileNotFoundError)
    │   └── InterlacedError     3   combed frames, which no network should see
    ├── WeightsError            4   weights missing, damaged or of another network
    ├── EncoderError            4   an encoder or pixel format that this build lacks
    ├── TargetError             1   a result that cannot be written
    │   ├── LossError           1   the target would lose part of the film
    │   └── DiskFullError       1   (also an OSError)
    ├── ResumeError             1   a work folder made with other settings or another source
    ├── DamageError             3   more damaged packets than allowed
    ├── OutOfMemoryError        1   even one frame does not fit
    ├── VerifyError             5   verification found a difference
    └── Interrupted           130   Ctrl+C; the work folder can be resumed

Arguments are positional only: an exception with required keywords cannot be unpickled in a parent process.
"""


class VideoColorError(Exception):
    """Base of all errors raised on purpose: `problem` says what is wrong where, `remedy` what to do."""

    exit_code = 1

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class SettingsError(VideoColorError):
    """An option's value is wrong, or two options contradict each other."""

    exit_code = 2


class MediaError(VideoColorError):
    """An input that cannot be read as film or picture."""

    exit_code = 3


class MediaNotFound(MediaError, FileNotFoundError):
    """The input does not exist."""


class InterlacedError(MediaError):
    """The film is interlaced or telecined and nobody said how to treat it."""


class DamageError(MediaError):
    """More of the film is damaged than `max_damaged` allows."""


class WeightsError(VideoColorError):
    """Weights are missing, damaged, or belong to another network."""

    exit_code = 4


class EncoderError(VideoColorError):
    """An encoder or a pixel format that this build of the libraries lacks."""

    exit_code = 4


class TargetError(VideoColorError):
    """The result cannot be written."""


class LossError(TargetError):
    """The target cannot hold a part of the film, and the user did not allow to lose it."""


class DiskFullError(TargetError, OSError):
    """No space is left; what is finished stays in the work folder."""


class ResumeError(VideoColorError):
    """A work folder belongs to other settings or another source."""


class OutOfMemoryError(VideoColorError):
    """Even a batch of one frame does not fit into the device's memory."""


class VerifyError(VideoColorError):
    """Verification found a broken promise."""

    exit_code = 5


class Interrupted(VideoColorError):
    """The user pressed Ctrl+C; finished segments are kept."""

    exit_code = 130
