"""Files that belong together, put in place as one: a kill leaves the old, the new, or what is seen to be neither.

All are written in a folder of their own first, and moved from there one after another; the last of them, which tells
whether the others belong to it, comes last.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablation import UserError


@contextmanager
def put_as_one(folder: Path, last: str) -> Iterator[Path]:
    """Yield an empty folder; what was written into it is moved to ``folder``, the file named ``last`` after all others.

    Nothing is moved if writing fails. What a killed run has left in ``folder`` (``*.partial``) is removed.

    Raises:
        UserError: a folder stands where a file belongs; nothing was moved.
        OSError: a file cannot be written or moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.partial"):
        _remove(leftover)
    staging = folder / "new.partial"
    staging.mkdir()
    try:
        yield staging
        paths = sorted(staging.iterdir(), key=lambda path: (path.name == last, path.name))
        for path in paths:
            if (place := folder / path.name).is_dir():
                raise UserError(f"{place}: results cannot be written here: it is a folder; move it away")
            # Else a power cut could leave the new names with nothing under them.
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for path in paths:
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
