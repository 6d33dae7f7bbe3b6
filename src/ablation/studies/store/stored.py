"""A cell as a row of the store: its columns, and the checksum that tells whether the row is whole and its key's own."""

import hashlib
from typing import Any

COLUMNS = ("key", "checksum", "spec", "outcome", "curves", "layers")

EARLIER_COLUMNS = ("key", "spec", "outcome", "curves", "layers")
"""Those of a store of an earlier version, of whose rows nothing tells whether they are whole."""

SCHEMA = """
CREATE TABLE cells (
    key TEXT PRIMARY KEY, checksum BLOB NOT NULL, spec TEXT NOT NULL, outcome TEXT NOT NULL, curves BLOB NOT NULL,
    layers BLOB NOT NULL
)
"""

AS_BYTES = ", ".join(f"CAST({column} AS BLOB)" for column in COLUMNS)
"""What to select of a row: the bytes that lie there, for damaged text may be none that can be decoded."""


def checksum(key: bytes, *fields: bytes) -> bytes:
    """Return the SHA-256 of a row: of its key and of every other field, each after its length.

    The key is in it, so a row that comes to stand under another cell's key is seen; the lengths are, so no byte can
    pass from one field to the next.
    """
    sha = hashlib.sha256()
    for field in (key, *fields):
        sha.update(len(field).to_bytes(8, "little"))
        sha.update(field)
    return sha.digest()


def is_whole(row: tuple[Any, ...]) -> bool:
    """Say whether a row, read ``AS_BYTES``, is what was once kept under its key."""
    key, found, *fields = row
    return all(isinstance(field, bytes) for field in (key, *fields)) and found == checksum(key, *fields)
