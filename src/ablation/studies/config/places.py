"""Which project is run, and from where: its own code and config count, wherever the package is installed from."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import ablation
from ablation import UserError
from ablation.studies.config.words import absolute

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
    """Go to the project's folder where the current one lies within it, and return the words, their paths absolute.

    ``results/``, ``store/`` and the like lie under the current folder. One within the project is never meant: it would
    have a second store.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise UserError("the current folder was removed; go to another one") from error
    if ROOT not in here.resolve().parents:
        return list(words)
    made = absolute(words)
    store = os.environ.get("ABLATION_STORE", "")
    if store and not store.startswith("~"):
        os.environ["ABLATION_STORE"] = str(Path(store).absolute())
    print(f"in {ROOT}, the project's folder, whose data, store, results and reports are used", file=sys.stderr)
    os.chdir(ROOT)
    return made
