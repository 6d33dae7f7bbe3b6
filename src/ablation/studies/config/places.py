"""Which project is run, and from where: its own code and config count, wherever the package is installed from."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import ablation
from ablation import UserError
from ablation.levels import path_of, shown
from ablation.studies.config.words import absolute, parse

ROOT = Path(ablation.__file__).resolve().parents[2]
"""The project that this package is of."""

CONF = ROOT / "conf"
"""The folder of its config files."""


def check_checkout(script: Path) -> None:
    """Refuse a stage that runs on the code of another project than its own; its processes get the same code.

    Raises:
        UserError: naming the two folders.
    """
    checkout = script.resolve().parents[1]
    if checkout != ROOT:
        raise UserError(
            f"{script}: belongs to the project in {checkout}, but the package ablation came from {ROOT}; "
            f"is {checkout / 'src' / 'ablation'} whole?"
        )
    if not (CONF / "config.yaml").is_file():
        raise UserError(f"{CONF / 'config.yaml'}: missing; the pipelines run with the config of their own project")
    # For workers, which begin with an interpreter of their own.
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    source = str(ROOT / "src")
    os.environ["PYTHONPATH"] = os.pathsep.join([source, *(path for path in others if path != source)])


def go_home(words: Sequence[str]) -> list[str]:
    """Go to the folder that all files are kept in, and return the words, their paths absolute.

    That is the folder which ``paths.root`` names, or else the project's own, from anywhere within it: ``results/``,
    ``store/`` and the like lie under it, and a second store is never meant.

    Raises:
        UserError: the current folder is not of the project, and no other was named; or it cannot be gone to.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise UserError("the current folder was removed; go to another one") from error
    root = _named_root(words)
    if here.resolve() == (ROOT if root is None else root.resolve()):
        return list(words)
    if root is None:
        if ROOT not in here.resolve().parents:
            raise UserError(
                f"{here}: is not in the project's folder, {ROOT}; go there, or say paths.root=. to keep data, store, "
                "results and reports here"
            )
        root = ROOT
        print(f"in {ROOT}, the project's folder, whose data, store, results and reports are used", file=sys.stderr)
    made = absolute(words)
    store = os.environ.get("ABLATION_STORE", "")
    if store and not store.startswith("~"):
        os.environ["ABLATION_STORE"] = str(Path(store).absolute())
    try:
        os.chdir(root)
    except OSError as error:
        raise UserError(f"paths.root={shown(root)}: cannot be gone to ({error.strerror})") from error
    return made


def _named_root(words: Sequence[str]) -> Path | None:
    """Return the folder that the last word for it names; none where there is none, or it is null."""
    for word in reversed(words):
        if re.match(r"\+*paths\.root=", word):
            value = parse(word).value()
            return None if value in (None, "") else path_of("paths.root", str(value)).absolute()
    return None
