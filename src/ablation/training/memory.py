"""Freed memory is kept for the next tensor, not handed back to the system."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""The names of glibc's ``mallopt`` for these two settings, from its ``malloc.h``."""
LARGEST = 32 * 1024 * 1024
"""The largest threshold that glibc takes, in bytes."""


def keep_freed_memory() -> None:
    """Tell glibc's allocator to keep what is freed; with another C library, or without one, do nothing.

    A training step makes and drops dozens of tensors of some hundred kilobytes. By default glibc hands such memory
    back to the system and asks for it again, and the system clears every page of it: a tenth of the time of a step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MMAP_THRESHOLD, LARGEST)
    mallopt(TRIM_THRESHOLD, 2**31 - 1)
