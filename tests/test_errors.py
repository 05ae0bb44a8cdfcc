"""The error family: exit codes, remedies, and that every error survives the way between processes."""

import inspect
import pickle

import pytest

from videocolor import errors
from videocolor.errors import VideoColorError

# docs/cli.md and style.md 28.
EXIT_CODES = {
    "VideoColorError": 1,
    "SettingsError": 2,
    "MediaError": 3,
    "MediaNotFound": 3,
    "InterlacedError": 3,
    "DamageError": 3,
    "WeightsError": 4,
    "EncoderError": 4,
    "TargetError": 1,
    "LossError": 1,
    "DiskFullError": 1,
    "ResumeError": 1,
    "OutOfMemoryError": 1,
    "VerifyError": 5,
    "Interrupted": 130,
}
CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


def test_exit_codes_are_the_documented_ones():
    """A new error class needs a line here and in the docs."""
    assert EXIT_CODES == {cls.__name__: cls.exit_code for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_problem_and_remedy(cls):
    error = cls("The film is upside down.", "Turn it.")

    assert isinstance(error, VideoColorError)
    assert str(error) == "The film is upside down. Turn it."
    assert ("The film is upside down.", "Turn it.") == (error.problem, error.remedy)


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_need_a_remedy(cls):
    with pytest.raises(TypeError):
        cls("The film is upside down.")


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_survive_the_way_to_a_parent_process(cls):
    error = pickle.loads(pickle.dumps(cls("Problem.", "Remedy.")))

    assert type(error) is cls
    assert ("Problem.", "Remedy.", "Problem. Remedy.") == (error.problem, error.remedy, str(error))
    assert error.exit_code == EXIT_CODES[cls.__name__]


def test_errors_are_python_s_own_where_python_has_one():
    assert issubclass(errors.MediaNotFound, FileNotFoundError)
    assert issubclass(errors.DiskFullError, OSError)


def test_the_tree_at_the_top_of_the_file_is_complete():
    drawn = inspect.getdoc(errors)

    for name, code in EXIT_CODES.items():
        line = next(line for line in drawn.splitlines() if name in line.split("(also")[0].split())
        assert str(code) in line.split(), line
