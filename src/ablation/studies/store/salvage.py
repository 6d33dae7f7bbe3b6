"""The store's file, opened sound: a damaged one is set aside, and what can still be read of it goes into a new one.

SQLite finds what is wrong with the pages; the rows' checksums say what of the rest is whole. So nothing is believed
that is read from a damaged file, and nothing that could be read is lost.
"""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ablation.studies.store.stored import AS_BYTES, COLUMNS, EARLIER_COLUMNS, SCHEMA, is_whole

LOGS = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside its own: what is not yet in it, and an index of that."""

PAGE = 4096
"""Bytes of a page, of which the first describes all others."""

SMALLEST = 512
"""Bytes of the shortest file that is a database."""


def open_sound(path: Path) -> tuple[sqlite3.Connection, set[str]]:
    """Open a store's file, made if it is not there; return with it the keys of the cells that were lost in mending it.

    What was wrong with it, and where the old file is, is told in a line on stderr.

    Raises:
        sqlite3.Error: the file cannot be used, or is no store at all; then it is left as it is.
        OSError: there is no room for a new file, or the folder cannot be written to.
    """
    for leftover in _scratch(path):
        _remove(leftover)
    connection, lost = sqlite3.connect(path), set[str]()
    try:
        columns = _check(connection, path)
    except sqlite3.Error as error:
        connection.close()
        if not _is_damage(error, path):
            raise
        told, lost = _salvage(path, error)
        print(f"{path}: {told}", file=sys.stderr)
    else:
        if columns == COLUMNS:
            return connection, lost
        (count,) = connection.execute("SELECT count(*) FROM cells").fetchone()
        connection.close()
        aside = _free(path, "unchecked")
        _move(path, aside)
        print(
            f"{path}: is of an earlier version, without checksums, so nothing tells whether its cells ({count}) are "
            f"whole; they count as not there, and lie in {aside.name}",
            file=sys.stderr,
        )
    connection = sqlite3.connect(path)
    _check(connection, path)
    return connection, lost


def _check(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Return the columns of the store, whose table is made if the file is empty; the rows' content is not looked at.

    Raises:
        sqlite3.Error: the file is damaged, or is no store.
    """
    if 0 < path.stat().st_size < SMALLEST:
        raise sqlite3.DatabaseError("file is not a database")  # SQLite would write over it
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(cells)"))
    if tables and columns not in (COLUMNS, EARLIER_COLUMNS):
        raise sqlite3.DatabaseError("it has other tables than a result store")
    connection.execute("PRAGMA journal_mode=WAL")
    if not tables:
        connection.execute(SCHEMA)
        columns = COLUMNS
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if (encoding, state) != ("UTF-8", "ok"):
        raise _Malformed("database disk image is malformed")
    return columns


class _Malformed(sqlite3.DatabaseError):
    """What SQLite raises where it comes upon a damaged page, raised for one that it finds when asked."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _is_damage(error: sqlite3.Error, path: Path) -> bool:
    """Say whether the file's bytes may be what is wrong, rather than its place, its rights or another process."""
    # An error without a code is one of `_check`.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    damage = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
    # A damaged header may also forbid to write.
    return code in damage or (code == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK))


def _salvage(path: Path, error: sqlite3.Error) -> tuple[str, set[str]]:
    """Put a new store in the file's place, with every whole cell of it; say what was done, and which keys are lost.

    Raises:
        sqlite3.Error: ``error``, where nothing of the file says that it is a store.
    """
    fresh, copy, patched = _scratch(path)
    try:
        with closing(sqlite3.connect(fresh)) as connection:
            connection.execute(SCHEMA)
        for other in (copy, patched):
            _copy(path, other)
        _patch_first_page(patched, fresh)
        seen: set[str] = set()
        with closing(sqlite3.connect(fresh)) as connection, connection:
            for other in (copy, patched):
                connection.executemany(
                    "INSERT OR IGNORE INTO cells VALUES (?, ?, ?, ?, ?, ?)", _whole_rows(other, seen)
                )
            kept = {key for (key,) in connection.execute("SELECT key FROM cells")}
        if not kept and getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise error
        aside = _free(path, "damaged")
        _move(copy, aside)
        for ending in LOGS:
            Path(f"{path}{ending}").unlink(missing_ok=True)
        os.replace(fresh, path)
    finally:
        for scratch in (fresh, copy, patched):
            _remove(scratch)
    told = (
        f"is damaged ({error}); the cells of it that are whole ({len(kept)}) are kept, the damaged file is "
        f"{aside.name}, and what is missing is trained again"
    )
    return told, seen - kept


def _patch_first_page(path: Path, fresh: Path) -> None:
    """Give a store's copy the first page of a new store: the one that is written most, and describes all others."""
    page = bytearray(fresh.read_bytes()[:PAGE])
    page[18:20] = b"\2\2"  # there may be a log beside the copy
    page[92:96] = bytes(4)  # no valid counter: as many pages as the file has
    with path.open("r+b") as file:
        file.write(page)


def _whole_rows(path: Path, seen: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield what can be read of a damaged file's rows with a right checksum; add every key in it to ``seen``."""
    with closing(sqlite3.connect(path)) as connection:
        rows = _rows(connection)
        seen.update(key.decode(errors="replace") for keys in rows.values() for key in keys)
        for rowid in sorted(rows):
            try:
                row = connection.execute(f"SELECT {AS_BYTES} FROM cells WHERE rowid = ?", (rowid,)).fetchone()
            except sqlite3.Error:
                continue  # on a damaged page
            if row is not None and is_whole(row):
                key, check, spec, outcome, *arrays = row
                yield key.decode(), check, spec.decode(), outcome.decode(), *arrays


def _rows(connection: sqlite3.Connection) -> dict[int, set[bytes]]:
    """Return the rows' numbers and keys, from both ends of the table and of its index up to where they are damaged."""
    found: dict[int, set[bytes]] = {}
    for source in ("cells NOT INDEXED ORDER BY rowid", "cells ORDER BY key"):
        for end in ("", "DESC"):
            try:
                for rowid, key in connection.execute(f"SELECT rowid, CAST(key AS BLOB) FROM {source} {end}"):
                    found.setdefault(rowid, set()).add(key or b"")
            except sqlite3.Error:
                continue  # the other end, or the index, may tell the rest
    return found


def _move(path: Path, target: Path) -> None:
    """Rename a file and its logs."""
    for ending in ("", *LOGS):
        if os.path.exists(f"{path}{ending}"):
            os.replace(f"{path}{ending}", f"{target}{ending}")


def _free(path: Path, word: str) -> Path:
    """Return a name with ``word`` in it that no file has."""
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.stem}.{word}-{number}{path.suffix}")):
        number += 1
    return found


def _scratch(path: Path) -> tuple[Path, Path, Path]:
    """Return the names of the new store, and of the damaged one's copies, while they are made."""
    fresh, copy, patched = (path.with_name(f"{path.name}{word}.partial") for word in ("", ".copy", ".patched"))
    return fresh, copy, patched


def _copy(path: Path, copy: Path) -> None:
    for ending in ("", "-wal"):
        if os.path.exists(f"{path}{ending}"):
            shutil.copy2(f"{path}{ending}", f"{copy}{ending}")


def _remove(path: Path) -> None:
    for ending in ("", *LOGS, "-journal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
