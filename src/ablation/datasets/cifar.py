"""CIFAR-10 in its binary form: 60,000 color images of 32 x 32 pixels, in six batches.

A batch is nothing but rows of 1 + 3,072 bytes: the label, and the image, its red, green and blue part one after the
other, each row by row.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; the layout is that of
https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
"""

import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablation import UserError
from ablation.datasets.download import download
from ablation.datasets.examples import Examples

SHAPE = (3, 32, 32)
"""Colors, rows and columns of an image."""

ROW = 1 + 3 * 32 * 32
"""Bytes of a label and its image."""

LARGEST_BATCH = 60_000 * ROW
"""Bytes of the largest batch that is read: one with all images."""

ARCHIVE, MD5 = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
"""The published file and its checksum, as its page lists it."""

BATCHES = {"full": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
"""Which batches each ``part`` of a level reads."""

LABELS = "airplane automobile bird cat deer dog frog horse ship truck".split()


def read_cifar10(label: str, params: Mapping[str, Any], raw: Path) -> Examples:
    """Return the images of a part, from the level's own folder, or from the archive by way of ``raw/cifar10/``.

    They are the five training batches with ``part=full`` and the test batch with ``part=test``; the others are not
    looked at.

    Raises:
        UserError: a file is missing or is not what it should be, or the download fails.
    """
    if params["folder"] is not None and not Path(params["folder"]).expanduser().is_dir():
        raise UserError(f"data.{label}.folder={params['folder']}: is no folder")
    if params["folder"] is None:
        (archive,) = cifar10_files(params, raw)
        download(f"{params['mirror'].rstrip('/')}/{ARCHIVE}", archive, MD5)
        batches = [_rows(f"{archive}: {name}", content) for name, content in _unpacked(archive, params["part"])]
    else:
        batches = [_rows(str(path), _content(path)) for path in cifar10_files(params, raw)]
    rows = np.concatenate(batches)
    return Examples(rows[:, 1:], rows[:, 0].astype(np.int64), SHAPE, {"class_names": LABELS})


def cifar10_files(params: Mapping[str, Any], raw: Path) -> list[Path]:
    """Return the files that a level reads: batches in its own folder, or the archive."""
    if params["folder"] is None:
        return [raw / "cifar10" / ARCHIVE]
    return [Path(params["folder"]).expanduser() / name for name in BATCHES[params["part"]]]


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError(f"{path}: expected a batch of CIFAR-10, found none")
        if (size := path.stat().st_size) > LARGEST_BATCH:
            raise UserError(f"{path}: expected up to {LARGEST_BATCH:,} bytes, found {size:,}")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a readable file, found: {error.strerror or error}") from error


def _unpacked(archive: Path, part: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each batch of a part, in order; nothing is written."""
    wanted = BATCHES[part]
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in wanted and member.isfile() and member.size <= LARGEST_BATCH:
                    file = tar.extractfile(member)
                    found[name] = file.read() if file is not None else b""
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{archive}: expected a sound archive, found a damaged one ({error})") from error
    for name in wanted:
        if name not in found:
            raise UserError(f"{archive}: expected {name} in it, found none")
        yield name, found[name]


def _rows(where: str, content: bytes) -> NDArray[np.uint8]:
    """Return a batch, ``[n, 1 + 3072]``, its labels checked."""
    if not content or len(content) % ROW:
        raise UserError(f"{where}: expected rows of {ROW} bytes, found {len(content):,} bytes in all")
    rows = np.frombuffer(content, np.uint8).reshape(-1, ROW)
    wrong = np.flatnonzero(rows[:, 0] >= len(LABELS))
    if len(wrong):
        raise UserError(
            f"{where}: expected labels from 0 to {len(LABELS) - 1}, found {rows[wrong[0], 0]} at place {wrong[0]}"
        )
    return rows
