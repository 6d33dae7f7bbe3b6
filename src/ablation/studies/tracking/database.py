"""MLflow's database in a file: there whole, or not at all.

MLflow makes its database where it is to lie, in some sixty migrations that take seconds. One that is interrupted is
refused by MLflow ever after, and so is one that two programs begin to make together. Here it is made aside and put in
place when it is finished. One that another program is making is waited for; one that nobody finishes any more, or that
an older MLflow has made, is replaced by a finished one.
"""

import os
import shutil
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ablation import UserError
from ablation.studies.tracking.faults import is_full, reason
from ablation.studies.tracking.look import Seen, State, look, open_there, unless_busy

QUIET = 10.0
"""Seconds without a change after which nobody is making a file any more."""

PATIENCE = 120.0
"""Seconds to wait for a file that others are at work on."""


def make_ready(path: Path) -> None:
    """Make MLflow's database at ``path``, or bring it up to date; a finished one is left as it is.

    Raises:
        UserError: what lies there is not this MLflow's to write to, or others are at work on it without end.
        OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError: it cannot be made there.
    """
    path = Path(os.path.realpath(path))
    if look(path).state is not State.FINISHED or _folder(path).exists():
        _finish(path)
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{path}: MLflow's database, or the folder it lies in, cannot be written to")


def _finish(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path) as made:
        seen, since = look(path), time.monotonic()
        deadline = since + PATIENCE
        while seen.state is not State.FINISHED:
            if seen.state is State.ABSENT:
                _make(made)
                _put(made, path)
            elif seen.state is not State.BUSY and _unchanged_for(seen, since) >= QUIET:
                with unless_busy():
                    _mend(path, made, seen)
            elif time.monotonic() > deadline:
                raise UserError(f"{path}: another program is making this database, or has locked it; end it first")
            else:
                time.sleep(0.1)
            before, seen = seen, look(path)
            if seen != before:
                since = time.monotonic()


def _unchanged_for(seen: Seen, since: float) -> float:
    """Return the seconds without a change: by the file's time or, where clocks differ, by what was watched here."""
    return max(time.time() - seen.file[2] / 1e9, time.monotonic() - since)


def _folder(path: Path) -> Path:
    return path.with_name(f"{path.name}.making")


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give a place in a folder beside ``path``, for one process at a time; what a killed one left there is removed.

    Raises:
        UserError: another process has held the folder for too long.
    """
    folder = _folder(path)
    made = folder / path.name
    lock = FileLock(folder / "lock")
    deadline = time.monotonic() + PATIENCE
    while not lock.is_locked:
        folder.mkdir(exist_ok=True)
        # Whoever has it removes the folder in the end, with the lock in it.
        with suppress(Timeout, FileNotFoundError):
            lock.acquire(timeout=0.2)
        if time.monotonic() > deadline:
            raise UserError(f"{path}: another process is making this database; wait for it or end it")
    try:
        _remove(made)
        yield made
    finally:
        _remove(made)
        (folder / "lock").unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
        lock.release()


def _remove(made: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        made.with_name(made.name + end).unlink(missing_ok=True)


def _make(made: Path) -> None:
    """Make a new database, with no connection left to it."""
    from mlflow.store.db import utils

    _remove(made)
    with _engine(made) as engine:
        utils._initialize_tables(engine)  # type: ignore[no-untyped-call]


def _put(made: Path, path: Path) -> None:
    """Put a database in place, unless something lies there by now."""
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links; on it, the moment between this look and the next step has to be risked.
        if not os.path.lexists(path):
            made.rename(path)


def _mend(path: Path, made: Path, seen: Seen) -> None:
    """Replace an older or an unfinished database by a finished one, if it is still the one that was seen."""
    from mlflow.store.db import utils

    with closing(open_there(path, 5.0)) as old:
        # Whatever a killed writer left beside the file goes back into it now: it must not meet the new one.
        old.execute("PRAGMA journal_mode = DELETE")
        version = old.execute("PRAGMA data_version").fetchone()
        if seen.state is State.UNFINISHED:
            _make(made)
        else:
            _remove(made)
            with closing(sqlite3.connect(made)) as copy:
                old.backup(copy)
            try:
                with _engine(made) as engine, warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    utils._upgrade_db(engine)  # type: ignore[no-untyped-call]
            # Sixty scripts of MLflow, which stumble over what they do not expect in ways of their own.
            except Exception as error:
                if is_full(error):
                    raise
                raise UserError(
                    f"{path}: was made by another MLflow, and cannot be brought up to date ({reason(error)}); move it "
                    "away, and the next run of a study makes it anew"
                ) from error
        shutil.copymode(path, made)
        old.execute("BEGIN EXCLUSIVE")
        if old.execute("PRAGMA data_version").fetchone() == version and path.stat().st_ino == seen.file[0]:
            made.replace(path)
        old.execute("ROLLBACK")


@contextmanager
def _engine(file: Path) -> Iterator[Any]:
    from mlflow.store.db import utils
    from sqlalchemy import URL

    engine = utils.create_sqlalchemy_engine(URL.create("sqlite", database=str(file)).render_as_string())  # type: ignore[no-untyped-call]
    try:
        yield engine
    finally:
        engine.dispose()
