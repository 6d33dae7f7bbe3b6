"""IDX files written a second time, from the format's description, for the tests to compare with."""

import gzip
import struct
from pathlib import Path


def packed_idx(array):
    """The format written out a second time, from its description: words are big-endian, values in C order."""
    magic = 0x800 + array.ndim
    return gzip.compress(struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes(), mtime=0)


def write_half(folder, half, images, labels):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{half}-images-idx3-ubyte.gz").write_bytes(packed_idx(images))
    (folder / f"{half}-labels-idx1-ubyte.gz").write_bytes(packed_idx(labels))


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
