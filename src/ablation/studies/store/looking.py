"""A look at the store from outside: which keys it has, without its lock, and with nothing written or mended."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from ablation.studies.store.stored import COLUMNS


def held(folder: Path, keys: Iterable[str]) -> set[str]:
    """Return those of the keys that the store in ``folder`` has; none where there is no store of this version.

    Whether their rows are whole is not looked at: a study does that, and trains a damaged cell again. Nor are cells of
    a damaged file seen, which a study would save.
    """
    path = folder / "results.sqlite"
    if not path.is_file():
        return set()
    # Without a log nobody writes to it; opened as one that may be written to, it would be left with a log.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)) as connection:
            columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(cells)"))
            if columns != COLUMNS:
                return set()
            return {key for (key,) in connection.execute("SELECT key FROM cells")}.intersection(keys)
    except sqlite3.Error:
        return set()
