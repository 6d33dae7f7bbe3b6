"""Where a database's artifacts lie: in the ``mlruns`` of the project that it is in now.

MLflow keeps, with every experiment and run, the absolute path that its artifacts had when it was made. In a project
that was copied, moved or unpacked elsewhere, these paths lead out of it, into the project that it came from.
"""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

CHOSEN = re.compile(r"(?P<scheme>file://)?(?P<root>(/.*)?)/mlruns/(?P<experiment>\d+)(?P<rest>/.*)?")
"""Where MLflow puts an experiment's artifacts by itself: a place that somebody else chose has another form."""


def settle(database: Path) -> None:
    """Point all that MLflow keeps of the artifacts' places in this database to ``mlruns`` of the current folder.

    Only what has the form of MLflow's own choice is changed, in a database that lies in the current folder or below it;
    a place that the user chose, and a server's, are left alone.

    Raises:
        sqlite3.Error: the database cannot be read or written to.
    """
    here, beside = Path.cwd(), Path(os.path.realpath(database)).parent
    if not beside.is_relative_to(os.path.realpath(here)):
        return
    own = f"{here}/mlruns/"
    with closing(sqlite3.connect(database, timeout=20.0)) as connection, connection:
        for table, key, column in (
            ("experiments", "experiment_id", "artifact_location"),
            ("runs", "run_uuid", "artifact_uri"),
        ):
            others = connection.execute(
                f"SELECT {column}, experiment_id, {key} FROM {table} WHERE substr({column}, 1, ?) <> ?", (len(own), own)
            )
            moved = [
                (own + rest, row)
                for place, experiment, row in others.fetchall()
                if (rest := _rest(place, str(experiment), {os.path.realpath(here), str(beside)})) is not None
            ]
            connection.executemany(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", moved)


def _rest(place: str, experiment: str, homes: set[str]) -> str | None:
    """Return what follows ``mlruns/`` in a place of MLflow's own choice, outside these folders; None for any other."""
    found = CHOSEN.fullmatch(place)
    if found is None or found["experiment"] != experiment:
        return None
    # A path without a scheme is taken literally.
    root = unquote(found["root"]) if found["scheme"] else found["root"]
    return None if os.path.realpath(root or "/") in homes else experiment + (found["rest"] or "")
