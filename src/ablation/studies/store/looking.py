"""A look at the store from outside: which keys it has, without its lock, and with nothing written or mended."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from ablation import UserError
from ablation.studies.store import Store
from ablation.studies.store.stored import COLUMNS


class Looking(Store):
    """A store that is only read, while another process may write to it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._lost = connection, set()


@contextmanager
def look_into(folder: Path) -> Iterator[Store]:
    """Open the store in ``folder`` to read cells, without its lock.

    Raises:
        UserError: there is none of this version, or it cannot be read.
    """
    path = folder / "results.sqlite"
    try:
        with closing(_open(path)) as connection:
            if _columns(connection) != COLUMNS:
                raise UserError(f"{path}: is not there, or of another version; run the study again")
            yield Looking(connection)
    except sqlite3.Error as error:
        raise UserError(f"{path}: cannot be read ({error}); run the study again, which mends it") from error


def held(folder: Path, keys: Iterable[str]) -> set[str]:
    """Return those of the keys that the store in ``folder`` has; none where there is no store of this version.

    Whether their rows are whole is not looked at: a study does that, and trains a damaged cell again. Nor are cells of
    a damaged file seen, which a study would save.
    """
    path = folder / "results.sqlite"
    if not path.is_file():
        return set()
    try:
        with closing(_open(path)) as connection:
            if _columns(connection) != COLUMNS:
                return set()
            return {key for (key,) in connection.execute("SELECT key FROM cells")}.intersection(keys)
    except sqlite3.Error:
        return set()


def _open(path: Path) -> sqlite3.Connection:
    # Without a log nobody writes to it; opened as one that may be written to, it would be left with a log.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)


def _columns(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(row[1] for row in connection.execute("PRAGMA table_info(cells)"))
