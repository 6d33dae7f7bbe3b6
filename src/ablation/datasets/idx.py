"""Gzipped IDX files, the format in which MNIST and its relatives are published, read strictly.

An IDX file of bytes is a header of big-endian 32-bit words, the magic number and one size per axis, and then the values
in C order. The magic's last byte is the number of axes, the byte before it the type of a value (8: unsigned byte).

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ablation import UserError

IMAGES = 0x00000803
"""Magic number of a file of images: unsigned bytes, three axes (image, row, column)."""

LABELS = 0x00000801
"""Magic number of a file of labels: unsigned bytes, one axis."""

LARGEST = 2**30
"""Most values that a header may announce; the largest known file of this kind holds half of it."""


def read_idx(path: Path, magic: int, md5: str | None = None) -> NDArray[np.uint8]:
    """Read ``path`` into an array of unsigned bytes: ``[n, rows, columns]`` for images, ``[n]`` for labels.

    No more is unpacked than the header announces, so a file that unpacks to far more than it should costs no memory.

    Args:
        path: a gzipped IDX file.
        magic: ``IMAGES`` or ``LABELS``, what the file has to be.
        md5: the published checksum of the packed file as hexadecimal digits; ``None`` leaves it unchecked.

    Raises:
        UserError: the file is missing, unreadable, no gzip, damaged, cut off or longer than announced, has another
            magic number or checksum, or announces no values or too many.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path}: expected a gzipped IDX file, found none")
        if md5 is not None and (found := md5_of(path)) != md5:
            raise UserError(f"{path}: expected the published file, with MD5 {md5}, found MD5 {found}")
        with gzip.open(path) as file:
            return _read_values(file, path, magic)
    except gzip.BadGzipFile as error:
        raise UserError(f"{path}: expected a sound gzip file, found a damaged or different one ({error})") from error
    except zlib.error as error:
        raise UserError(f"{path}: expected a sound gzip file, found a damaged one ({error})") from error
    except EOFError as error:
        raise UserError(f"{path}: expected a whole gzip file, found one that is cut off") from error
    except OSError as error:
        raise UserError(f"{path}: expected a readable file, found: {error.strerror or error}") from error


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as 32 hexadecimal digits. It guards against damage and mix-ups, not against malice."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _read_values(file: gzip.GzipFile, path: Path, magic: int) -> NDArray[np.uint8]:
    """Read header and values from the unpacked stream ``file``; ``path`` is for the messages."""
    axes = magic & 0xFF
    header = file.read(4 + 4 * axes)
    if len(header) >= 4 and (found := int.from_bytes(header[:4], "big")) != magic:
        raise UserError(f"{path}: expected the magic number 0x{magic:08x}, found 0x{found:08x}")
    if len(header) < 4 + 4 * axes:
        raise UserError(f"{path}: expected a header of {4 + 4 * axes} bytes, found {len(header)} bytes in all")
    sizes = struct.unpack(f">{axes}I", header[4:])
    # Sizes are multiplied as Python integers, which do not overflow.
    expected = math.prod(sizes)
    written = " x ".join(map(str, sizes))
    if not 1 <= expected <= LARGEST:
        raise UserError(f"{path}: expected a header that announces 1 to {LARGEST} values, found {written}")
    # The byte beyond the last value makes gzip check the end of the stream too, and tells whether there is more.
    values = file.read(expected + 1)
    if len(values) != expected:
        found_values = "more" if len(values) > expected else str(len(values))
        raise UserError(f"{path}: expected {written} = {expected} values as the header says, found {found_values}")
    return np.frombuffer(values, np.uint8).reshape(sizes)
