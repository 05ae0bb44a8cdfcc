"""Planes of a shot's frames on the disk, so that memory stays flat.

Written as files are, not through memory maps: a full disk is an error then, and not the end of the process.
"""

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from videocolor.core.motion import Field, GrayPlane, Size
from videocolor.errors import TargetError
from videocolor.files import translated_os_errors
from videocolor.references.carry import Colors

Planes = npt.NDArray[Any]


class PlaneFile:
    """Records of one size, one for each frame, in any order. A context manager."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        """Make a new file.

        Args:
            path: Where; what is there is overwritten.
            shape: Of the planes of one frame.
            dtype: The same.
        """
        self._path = path
        self._shape, self._dtype = shape, np.dtype(dtype)
        with translated_os_errors(path):
            self._file = path.open("w+b")

    def write(self, index: int, planes: Planes) -> None:
        """Write one frame's planes.

        Raises:
            DiskFullError: No space left.
        """
        data = np.ascontiguousarray(planes, dtype=self._dtype)
        assert data.shape == self._shape
        with translated_os_errors(self._path):
            self._file.seek(index * data.nbytes)
            self._file.write(data.data)

    def read(self, index: int) -> Planes:
        """Read one frame's planes back; those that were never written are undefined."""
        size = int(np.prod(self._shape)) * self._dtype.itemsize
        self._file.seek(index * size)
        return np.frombuffer(self._file.read(size), self._dtype).reshape(self._shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing writes what is still held back; on the way out of an error only that one counts.
        with suppress(OSError) if error else translated_os_errors(self._path):
            self._file.close()


class ColorFile(PlaneFile):
    """`Colors` of every frame of a shot, as float16: a*, b*, weight, age."""

    def __init__(self, path: Path, size: Size) -> None:
        super().__init__(path, (4, *size), np.float16)

    def write_colors(self, index: int, colors: Colors) -> None:
        self.write(index, np.stack([*np.moveaxis(colors.ab, 2, 0), colors.weight, colors.age]))

    def read_colors(self, index: int) -> Colors:
        return _colors(self.read(index))


class BackwardFile:
    """What a way back through a shot needs: every frame's gray, and its motion from the frame before."""

    def __init__(self, folder: Path, size: Size) -> None:
        self._grays = PlaneFile(folder / "grays.part", size, np.uint8)
        self._fields = PlaneFile(folder / "fields.part", (*size, 3), np.float16)
        self._paths = (folder / "grays.part", folder / "fields.part")

    def write_frame(self, index: int, gray: GrayPlane, from_previous: Field | None) -> None:
        """Keep a frame; the field lies on the grid of the frame before and points to this one."""
        self._grays.write(index, gray)
        if from_previous is not None:
            self._fields.write(index, np.dstack([from_previous.vectors, from_previous.confidence]))

    def gray(self, index: int) -> GrayPlane:
        return self._grays.read(index)

    def from_previous(self, index: int) -> Field:
        planes = self._fields.read(index).astype(np.float32)
        return Field(vectors=np.ascontiguousarray(planes[..., :2]), confidence=np.ascontiguousarray(planes[..., 2]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file, path in zip((self._grays, self._fields), self._paths, strict=True):
            # Nobody reads it again: what closing cannot write does not matter.
            with suppress(TargetError):
                file.__exit__(kind, error, trace)
            path.unlink(missing_ok=True)


def read_colors(path: Path, index: int, size: Size) -> Colors:
    """One frame of a finished `ColorFile`."""
    count = 4 * size[0] * size[1]
    return _colors(np.fromfile(path, np.float16, count, offset=2 * count * index).reshape(4, *size))


def color_file_bytes(frame_count: int, size: Size) -> int:
    """Size of a finished `ColorFile`."""
    return frame_count * 4 * size[0] * size[1] * 2


def backward_file_bytes(frame_count: int, size: Size) -> int:
    """What a `BackwardFile` of some frames takes, at most."""
    return frame_count * size[0] * size[1] * (1 + 3 * 2)


def _colors(planes: Planes) -> Colors:
    a, b, weight, age = planes.astype(np.float32)
    return Colors(ab=np.dstack([a, b]), weight=weight, age=age)
