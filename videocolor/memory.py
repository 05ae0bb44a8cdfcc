"""How the process gets memory for tensors. Only a program may decide that, so only the command line does."""

import ctypes
import platform

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGER_THAN_ANY_TENSOR = (1 << 31) - 1


def keep_freed_memory() -> None:
    """Let glibc hand freed blocks out again in place of giving them back to the system; elsewhere nothing happens.

    To be called before torch is imported: its threads' arenas must not exist yet.

    By default every block above 32 MiB is mapped anew, and the system clears its pages one by one. A colorizer makes
    and frees dozens of such tensors a frame: with DeOldify at render factor 21 that was a fifth of the whole time.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    # Some versions refuse so much. The rest alone would be worse than the default: it ends its own adapting.
    if mallopt(_M_MMAP_THRESHOLD, 1 << 30) != 1:
        return
    mallopt(_M_TRIM_THRESHOLD, _LARGER_THAN_ANY_TENSOR)
    # The arenas of other threads, where the network runs, cannot grow to such blocks.
    mallopt(_M_ARENA_MAX, 1)
