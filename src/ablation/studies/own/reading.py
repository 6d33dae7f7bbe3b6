"""Files of a user's own choices, read: their texts, and those of the files beside them that they import."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ablation import UserError
from ablation.levels import shown

LARGEST = 2**20
"""Bytes of a file."""


@dataclass(frozen=True)
class OwnFile:
    """A file that registers choices, as it was read.

    Attributes:
        given: its path, as the user wrote it.
        path: its path in full.
        text: what stands in it.
        beside: files in its folder that it imports, by the name of their module: path and text.
    """

    given: str
    path: str
    text: str
    beside: tuple[tuple[str, str, str], ...]


Files = tuple["OwnFile", ...]


def read(given: str) -> OwnFile:
    """Return what a file says, and what the files of its folder say that it imports, one by way of the other.

    Raises:
        UserError: one of them cannot be read, or is no Python.
    """
    path = Path(given).expanduser().absolute()
    text = _text(path, f"choices={shown(given)}")
    beside: dict[str, tuple[str, str]] = {}
    waiting = [(path, text)]
    while waiting:
        place, content = waiting.pop()
        for name in _imported(content, place):
            file = path.parent / f"{name}.py"
            if name not in beside and file != path and file.is_file():
                beside[name] = (str(file), _text(file, f"{given} imports {name}: {file}"))
                waiting.append((file, beside[name][1]))
    return OwnFile(given, str(path), text, tuple((name, *found) for name, found in sorted(beside.items())))


def _text(path: Path, named: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{named}: cannot be read ({error.strerror}); it must be a file of Python") from error
    if len(content) > LARGEST:
        raise UserError(f"{named}: has {len(content):,} bytes; a file of choices has at most {LARGEST:,}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{named}: is not written in UTF-8; it must be a file of Python") from error


def _imported(text: str, path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, by the first part of their names."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{path}{line}: is no Python that can be read ({shown(why)})") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
