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

from ablation.studies.stored import AS_BYTES, COLUMNS, EARLIER_COLUMNS, SCHEMA, is_whole

LOGS = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside its own: what is not yet in it, and an index of that."""

PAGE = 4096
"""Bytes of a page, of which the first describes all others."""

SMALLEST = 512
"""Bytes of the shortest file that is a database."""


def open_sound(path: Path) -> sqlite3.Connection:
    """Open a store's file, made if it is not there, and tell on stderr if it had to be mended.

    Raises:
        sqlite3.Error: the file cannot be used, or is no store at all; then it is left as it is.
        OSError: there is no room for a new file, or the folder cannot be written to.
    """
    for leftover in _scratch(path):
        _remove(leftover)
    connection = sqlite3.connect(path)
    try:
        columns = _check(connection, path)
    except sqlite3.Error as error:
        connection.close()
        if not _is_damage(error, path):
            raise
        print(f"{path}: {_salvage(path, error)}", file=sys.stderr)
    else:
        if columns == COLUMNS:
            return connection
        (count,) = connection.execute("SELECT count(*) FROM cells").fetchone()
        connection.close()
        aside = _move_aside(path)
        print(
            f"{path}: is of an earlier version, without checksums, so nothing tells whether its cells ({count}) are "
            f"whole; they count as not there, and lie in {aside.name}",
            file=sys.stderr,
        )
    connection = sqlite3.connect(path)
    _check(connection, path)
    return connection


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


def _salvage(path: Path, error: sqlite3.Error) -> str:
    """Put a new store in the file's place, with every whole cell of it, and say what was done.

    Raises:
        sqlite3.Error: ``error``, where nothing of the file says that it is a store.
    """
    aside, (fresh, patched) = _free(path, "damaged"), _scratch(path)
    try:
        with closing(sqlite3.connect(fresh)) as connection:
            connection.execute(SCHEMA)
        for copy in (aside, patched):
            _copy(path, copy)
        _patch_first_page(patched, fresh)
        with closing(sqlite3.connect(fresh)) as connection, connection:
            for copy in (aside, patched):
                connection.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?, ?, ?, ?, ?)", _whole_rows(copy))
            (count,) = connection.execute("SELECT count(*) FROM cells").fetchone()
        if not count and getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            _remove(aside)
            raise error
        for ending in LOGS:
            Path(f"{path}{ending}").unlink(missing_ok=True)
        os.replace(fresh, path)
    finally:
        for scratch in (fresh, patched):
            _remove(scratch)
    return (
        f"is damaged ({error}); the cells of it that are whole ({count}) are kept, the damaged file is {aside.name}, "
        "and what is missing is trained again"
    )


def _patch_first_page(path: Path, fresh: Path) -> None:
    """Give a store's copy the first page of a new store: the one that is written most, and describes all others."""
    page = bytearray(fresh.read_bytes()[:PAGE])
    page[18:20] = b"\2\2"  # there may be a log beside the copy
    page[92:96] = bytes(4)  # no valid counter: as many pages as the file has
    with path.open("r+b") as file:
        file.write(page)


def _whole_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield what can be read of a damaged file's rows with a right checksum."""
    with closing(sqlite3.connect(path)) as connection:
        for rowid in _rowids(connection):
            try:
                row = connection.execute(f"SELECT {AS_BYTES} FROM cells WHERE rowid = ?", (rowid,)).fetchone()
            except sqlite3.Error:
                continue  # on a damaged page
            if row is not None and is_whole(row):
                key, check, spec, outcome, *arrays = row
                yield key.decode(), check, spec.decode(), outcome.decode(), *arrays


def _rowids(connection: sqlite3.Connection) -> list[int]:
    """Return the rows' numbers, from both ends of the table and of its index up to where they are damaged."""
    found: set[int] = set()
    for source in ("cells NOT INDEXED ORDER BY rowid", "cells ORDER BY key"):
        for end in ("", "DESC"):
            try:
                for (rowid,) in connection.execute(f"SELECT rowid FROM {source} {end}"):
                    found.add(rowid)
            except sqlite3.Error:
                continue  # the other end, or the index, may tell the rest
    return sorted(found)


def _move_aside(path: Path) -> Path:
    """Rename the file and its log; return the new name."""
    aside = _free(path, "unchecked")
    for ending in ("", *LOGS):
        if os.path.exists(f"{path}{ending}"):
            os.replace(f"{path}{ending}", f"{aside}{ending}")
    return aside


def _free(path: Path, word: str) -> Path:
    """Return a name with ``word`` in it that no file has."""
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.stem}.{word}-{number}{path.suffix}")):
        number += 1
    return found


def _scratch(path: Path) -> tuple[Path, Path]:
    """Return the names of the new store and of the patched copy while they are made."""
    return path.with_name(f"{path.name}.partial"), path.with_name(f"{path.name}.patched.partial")


def _copy(path: Path, copy: Path) -> None:
    for ending in ("", "-wal"):
        if os.path.exists(f"{path}{ending}"):
            shutil.copy2(f"{path}{ending}", f"{copy}{ending}")


def _remove(path: Path) -> None:
    for ending in ("", *LOGS, "-journal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
