"""What the server imports that forks the workers of this machine, and that nobody else imports."""

import sys
from types import TracebackType


def _quiet(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show what ends the server, unless it was interrupted, or refused a process, a thread or a file: the study says
    so, in one line.
    """
    if not issubclass(kind, OSError | RuntimeError | KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


# Before all else is imported, for that begins threads.
sys.excepthook = _quiet

from ablation.studies.engines import local  # noqa: E402

__all__ = ["local"]
