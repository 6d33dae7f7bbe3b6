"""What went wrong with MLflow or its database, out of the many errors that it passes through."""

import errno
import sqlite3
from collections.abc import Iterator

from ablation.studies.addresses import shown


def reason(error: BaseException) -> str:
    """Return what went wrong, in one line: of a database's error, without the statement and its many values."""
    from sqlalchemy.exc import DBAPIError

    told = next((each.orig for each in _causes(error) if isinstance(each, DBAPIError)), None) or error
    text = " ".join(shown(str(told)).split())
    return text if len(text) <= 300 else text[:297] + "..."


def is_full(error: BaseException) -> bool:
    """Whether it was the disk that failed, for want of room most often."""
    return any(
        (isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
        or (isinstance(each, sqlite3.Error) and _code(each) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR))
        for each in _causes(error)
    )


def _code(error: sqlite3.Error) -> int:
    # An error of Python's own module has no code of SQLite.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _causes(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
