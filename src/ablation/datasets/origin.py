"""What a prepared file was made from, to the byte: it is kept in the card, and says when to prepare anew.

Names and places say nothing: a file may be replaced under its name, and the same files may lie elsewhere tomorrow.
"""

import ast
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ablation import UserError
from ablation.datasets import bundled, cifar, examples, idx, scaling, sources, split, table, table_files
from ablation.datasets.sources import SOURCES

Origin = dict[str, Any]
"""``files``: SHA-256 of the source's files by name; ``code``: that of the code that read them; ``folder`` or ``file``:
where they lay, if nothing but that says which data are meant."""

READING = (idx, cifar, bundled, table, table_files, examples, scaling, sources, split)
"""The modules that make arrays of a source's files."""


def origin_of(kind: str, params: Mapping[str, Any], raw: Path) -> Origin:
    """Return what a level with these complete parameters is made from now; files that are not there are left out.

    Raises:
        UserError: a file cannot be read.
    """
    files = {}
    for path in SOURCES[kind].files(params, raw):
        try:
            with path.open("rb") as file:
                files[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if path.is_dir() and SOURCES[kind].place == "file":
                continue  # what reads it says which key names no file
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    found: Origin = {"files": files, "code": _reading_code()}
    place = SOURCES[kind].place
    is_published = place is None or params.get("verify", params[place] is None)
    return found if is_published else {**found, str(place): params[str(place)]}


def changed(was: object, kind: str, params: Mapping[str, Any], raw: Path) -> str | None:
    """Say what has changed since a level was prepared from ``was``, or return None.

    Files that are gone, with the disk that they lay on, are no news: what was prepared from them stays.

    Raises:
        UserError: a file cannot be read.
    """
    now = origin_of(kind, params, raw)
    before = was if isinstance(was, dict) else {}
    known = before.get("files")
    known = known if isinstance(known, dict) else {}
    if other := [name for name in now["files"] if now["files"][name] != known.get(name)]:
        return f"{' and '.join(other)} changed since it was prepared"
    if len(now["files"]) < len(SOURCES[kind].files(params, raw)):
        # Of another folder, or another file, nothing was prepared.
        place = SOURCES[kind].place
        return f"its {place} is another" if now.get(place or "") != before.get(place or "") else None
    return "the code that reads it has changed" if now["code"] != before.get("code") else None


@cache
def _reading_code() -> str:
    """Return the digest of the code that makes arrays of a source's files, its comments and layout left out."""
    code = [ast.dump(ast.parse(Path(module.__file__ or "").read_text("utf-8"))) for module in READING]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()
