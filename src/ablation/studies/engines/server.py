"""What the server imports that forks the workers of this machine, and that nobody else imports."""

import sys
from types import TracebackType

from ablation.studies.engines import local

__all__ = ["local"]


def _quiet(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show what ends the server, unless it was refused a process or a file: that the study tells, in one line."""
    if not issubclass(kind, OSError):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _quiet
