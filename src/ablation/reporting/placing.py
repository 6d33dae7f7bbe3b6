"""How the files of a report come to their places: all of them, or none.

The page names every file beside it by its SHA-256. By that a reader, or ``sha256sum``, sees whether the files are those
that the page was made with, and the next report knows which of them it may take away.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path

from ablation import UserError

PAGE = "index.html"
LISTED = re.compile(r'<pre id="files"[^>]*><code>([^<]*)</code></pre>')
LINE = re.compile(r"([0-9a-f]{64})  ((?:tables|figures)/\w+\.\w+)")


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in ``folder``, by its path in there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def listed(files: Mapping[str, str]) -> str:
    """Digests as the page has them, a line a file, as ``sha256sum --check`` reads them."""
    return "\n".join(f"{digest}  {path}" for path, digest in sorted(files.items()))


def outdated(target: Path, made: Sequence[Path], known: Sequence[Path] = ()) -> list[Path]:
    """The tables and figures that the report in ``target`` made and that are not ``made`` any more.

    A file counts as that report's own only if its page names it, with these very bytes: what a user has put there, or
    has changed, stays. Where there is no page, as in a fresh clone, which has the pictures alone, the ``known`` ones
    do that a report may make.
    """
    page = target / PAGE
    if not page.exists():
        return [path for path in sorted(known) if path not in made and (target / path).is_file()]
    found = LISTED.search(page.read_text("utf-8", "replace")) if page.is_file() else None
    old = {path: digest for digest, path in LINE.findall(unescape(found[1]))} if found else {}

    def own(path: str) -> bool:
        place = target / path
        return place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == old[path]

    return [Path(path) for path in sorted(old) if Path(path) not in made and own(path)]


def move_into(source: Path, target: Path, known: Sequence[Path] = ()) -> None:
    """Move every file of ``source`` to its place under ``target``, the page last; take away what is ``outdated``.

    No file is ever half there. Nothing is moved before every place was found free or replaceable and a copy of what
    stood there was made; a move that fails nevertheless, or is interrupted, is undone from the copies. So the files
    are all the new ones or all the old ones, unless the process is killed or the machine stops between two moves.
    Then the page is still the old one, its digests tell which files are new, and the next report makes all anew.

    Raises:
        UserError: a folder stands where a file belongs, or a file where a folder does.
        OSError: a file cannot be moved.
    """
    paths = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for path in paths:
        place = target / path
        if place.is_dir() and not place.is_symlink():
            raise UserError(f"{place}: a report cannot be written here: it is a folder; move it away")
        for folder in place.parents[: len(path.parts)]:
            if os.path.lexists(folder) and not folder.is_dir():
                raise UserError(f"{folder}: a report cannot be written here: it is no folder; move it away")
    gone = outdated(target, paths, known)
    order = sorted([*paths, *gone], key=lambda path: (path.name == PAGE, path in paths))
    with tempfile.TemporaryDirectory(prefix=".before-", dir=source) as name:
        before = Path(name)
        for path in order:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target / path):
                (before / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target / path, before / path, follow_symlinks=False)
        moved: list[Path] = []
        try:
            for path in order:
                moved.append(path)  # first, so that an interrupt cannot fall between
                if path in gone:
                    (target / path).unlink()
                else:
                    os.replace(source / path, target / path)
        except (OSError, KeyboardInterrupt):
            for path in moved:
                if os.path.lexists(before / path):
                    os.replace(before / path, target / path)
                else:
                    (target / path).unlink(missing_ok=True)
            raise
