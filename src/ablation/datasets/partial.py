"""Files of the data folder while they are written: under names that say whose they are, until they are whole.

Several processes may prepare data in one folder. So a name has the number of its process in it, and what a process that
is gone has left behind is known by it.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ablation import UserError


def partial_name(path: Path) -> Path:
    """Return the name under which this process writes what will be ``path``."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write all files beside their places, then move them there in their order; a reader never sees half a file.

    Raises:
        UserError: a file cannot be written.
    """
    partial = {path: partial_name(path) for path in contents}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial[path].write_bytes(content)
        for path in contents:
            os.replace(partial[path], path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        for path in partial.values():
            if path.exists():
                path.unlink()


def sweep(folder: Path) -> None:
    """Remove what processes that are gone have left half written in a data folder and its ``raw/``."""
    for path in [*folder.glob("*.partial"), *folder.glob("raw/*/*.partial")]:
        owner = re.search(r"\.(\d+)\.partial$", path.name)
        if owner and not _is_another(int(owner[1])):
            # A folder that may only be read is no obstacle to reading.
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_another(process: int) -> bool:
    """Say whether a process other than this one has the number; what has this one's was left by an earlier bearer."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()
