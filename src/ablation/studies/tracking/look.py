"""What lies where MLflow's database belongs: a look that changes nothing."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ablation import UserError

OWN = {"experiment_id", "name", "artifact_location", "lifecycle_stage"}
"""Columns of the table ``experiments``, MLflow's first, in every version of it."""


class State(Enum):
    """What lies at the place of the database."""

    ABSENT = "nothing"
    FINISHED = "a database of this MLflow"
    OLDER = "a database of an older MLflow, with something in it"
    UNFINISHED = "a database half made, with nothing in it"
    BUSY = "a database that another program has locked"


@dataclass(frozen=True)
class Seen:
    """A look at the place: its state, and the file's identity, size and time of change."""

    state: State
    file: tuple[int, int, int] = (0, 0, 0)


def look(path: Path) -> Seen:
    """Return what lies at ``path``.

    Raises:
        UserError: something that is not MLflow's, or of a newer MLflow, or damaged.
    """
    if not os.path.lexists(path):
        return Seen(State.ABSENT)
    if not path.is_file():
        raise UserError(f"{path}: is no file; MLflow's database cannot be there, name another file")
    found = path.stat()
    file = (found.st_ino, found.st_size, found.st_mtime_ns)
    state = State.BUSY
    try:
        with unless_busy(), closing(open_there(path, 1.0)) as connection:
            # All of it at one moment, should others be at work on it.
            connection.execute("BEGIN")
            state = _state(path, connection)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path}: is not MLflow's database ({error}); move it away, or name another file") from error
    return Seen(state, file)


def _state(path: Path, connection: sqlite3.Connection) -> State:
    from mlflow.version import VERSION

    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    # A migration that rebuilds the table leaves it, for a moment, under the second name.
    own = any(
        {column[1] for column in connection.execute(f'PRAGMA table_info("{name}")')} >= OWN
        for name in tables & {"experiments", "_alembic_tmp_experiments"}
    )
    if tables and not own:
        raise UserError(f"{path}: is a database, but not MLflow's; name another file")
    stamps = connection.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else ()
    revisions = {revision for (revision,) in stamps}
    known, newest = _revisions()
    if revisions == {newest}:
        return State.FINISHED
    if revisions - known:
        raise UserError(
            f"{path}: was made by a newer MLflow than {VERSION}, which is installed here; install that one, or name "
            "another file"
        )
    return State.OLDER if any(_has_content(connection, name) for name in tables) else State.UNFINISHED


def _has_content(connection: sqlite3.Connection, table: str) -> bool:
    """Whether a table holds more than what MLflow itself puts into a new database."""
    if table in ("alembic_version", "workspaces", "sqlite_sequence"):
        return False
    default = " WHERE experiment_id <> 0" if table in ("experiments", "_alembic_tmp_experiments") else ""
    return bool(connection.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}"{default})').fetchone()[0])


def _revisions() -> tuple[set[str], str]:
    """Return the schema versions that the installed MLflow knows, and the newest of them."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils

    scripts = ScriptDirectory.from_config(utils._get_alembic_config(""))  # type: ignore[no-untyped-call]
    return {script.revision for script in scripts.walk_revisions()}, str(scripts.get_current_head())


@contextmanager
def unless_busy() -> Iterator[None]:
    """Leave off what another program's lock forbids for now."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise


def open_there(path: Path, timeout: float) -> sqlite3.Connection:
    """Open a file that is there; a missing one is not made."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None)
