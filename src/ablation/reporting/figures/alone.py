"""matplotlib as it comes: imported here first, apart from whatever settings the user has for it.

A backend that does not exist here, or a settings file or a style sheet with nonsense in it, would stop the import
itself, in this process and in every one that draws. Its font cache stays the user's: to fill it takes long.
"""

import contextlib
import importlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """A time in which matplotlib, if it is imported now, finds an empty settings file and no style sheets."""
    before, log = dict(os.environ), logging.getLogger("matplotlib")
    level, cache = log.level, os.environ.get("MPLCONFIGDIR")
    moved = {"XDG_CACHE_HOME": os.path.abspath(cache)} if cache else {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("matplotlibrc").touch()  # the first place in which it looks is the current folder
        os.environ.pop("MPLCONFIGDIR", None)
        os.environ |= {"MPLBACKEND": "agg", "XDG_CONFIG_HOME": folder, **moved}
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
            os.environ.clear()
            os.environ |= before


with alone():
    for name in ("pyplot", "style", "font_manager"):
        importlib.import_module(f"matplotlib.{name}")
