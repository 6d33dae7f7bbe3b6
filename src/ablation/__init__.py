"""Ablation studies of deep-network training: what a choice does to convergence and to the gradients."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

NOTEBOOK = ("run", "results", "report", "analyse")
"""What ``ablation.notebook`` offers under this package's own name, imported when it is first asked for."""


class UserError(ValueError):
    """Something that the user can mend: one line that names the key or file, the value, and what is allowed.

    The stages' mains print it on stderr without a traceback and exit with status 2.
    """


def __getattr__(name: str) -> Any:
    if name in NOTEBOOK:
        return getattr(import_module("ablation.notebook"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
