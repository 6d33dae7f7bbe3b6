"""Where runs can be shown: MLflow's tracking URIs, checked before anything is opened or written."""

import os
import re
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

from ablation import UserError

FILE = "sqlite:///mlflow.db"
ALLOWED = (
    f"a database file, as {FILE}, an MLflow server, as http://host:5000, a database server, as postgresql://host/name, "
    "or databricks"
)
_MEMORY = (":memory:", "file:", "file::memory:")


def check_uri(uri: object) -> str:
    """Return a tracking URI that MLflow can make something of.

    Raises:
        UserError: naming it, and what is allowed.
    """
    if not isinstance(uri, str) or not uri.strip():
        raise UserError(f"tracking.uri={uri}: must be an MLflow tracking URI: {ALLOWED}")
    kind, colon, rest = uri.partition(":")
    if uri == "databricks" or (kind == "databricks" and rest.startswith("//")):
        return uri
    if kind == "file" or not (colon or uri == "databricks-uc"):
        # Those who have told MLflow that they want its file store none the less shall have it.
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("true", "1"):
            raise _refusal(uri, f"is a folder, and MLflow no longer writes runs into folders; allowed: {ALLOWED}")
    elif re.fullmatch(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?", kind):
        _check_database(uri)
    elif kind in ("http", "https"):
        _check_host(uri)
    elif kind not in _plugins():
        raise _refusal(uri, f"MLflow knows no such kind of URI; allowed: {ALLOWED}")
    return uri


def local_file(uri: str) -> Path | None:
    """Return the SQLite file that a checked URI names, or None where the runs go elsewhere."""
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy import make_url

    url = make_url(uri)
    # A database that is given as SQLite's own URI, as file:name?mode=..., is left to SQLite.
    return None if url.query.get("uri") else Path(str(url.database))


def absolute(uri: str) -> str:
    """Return a checked URI with its file's full path: MLflow remembers a database by the URI, not by the folder."""
    file = local_file(uri)
    if file is None:
        return uri
    path = Path(os.path.abspath(file))
    kind, _, rest = uri.partition("///")
    full = f"{kind}///{path}{rest[len(rest.partition('?')[0]) :]}"
    # Some characters in the folders' names would be read as something else.
    return full if local_file(full) == path else uri


def shown(text: str) -> str:
    """Return a text as it may be shown: of the URIs in it, without the passwords."""
    return re.sub(r"(://[^\s:/@]*):[^\s/@]+@", r"\1:***@", text)


def _check_database(uri: str) -> None:
    # Imported here: `tracking=none` does without.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except ImportError as error:
        raise _refusal(
            uri, f"needs the Python package {error.name}, which is not installed; install it, or use {FILE}"
        ) from error
    except (ArgumentError, ValueError) as error:
        raise _refusal(uri, f"is not written as a database's URI, as {FILE} ({str(error).splitlines()[0]})") from error
    if dialect.name == "sqlite":
        if url.host:
            raise _refusal(uri, f"a file takes three slashes, as {FILE}, or four, as sqlite:////home/me/mlflow.db")
        if url.database in (None, "", *_MEMORY) or url.query.get("mode") == "memory":
            raise _refusal(uri, f"names no file: the runs would be lost with the process; allowed: {ALLOWED}")


def _check_host(uri: str) -> None:
    try:
        split = urlsplit(uri)
        found = split.hostname and split.port != 0
    except ValueError:
        found = False
    if not found:
        raise _refusal(uri, "must name a server, as http://host:5000")


def _plugins() -> set[str]:
    """Return the kinds of URI that installed packages have taught MLflow."""
    return {each.name for each in entry_points(group="mlflow.tracking_store")}


def _refusal(uri: str, why: str) -> UserError:
    masked = shown(uri)
    return UserError(f"tracking.uri={masked if len(masked) <= 100 else masked[:97] + '...'}: {why}")
