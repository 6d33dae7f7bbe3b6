"""A study that was begun and not finished, by a kill or because it still runs: what there is of it can be reported.

While a study trains, ``results/<study>/unfinished.json`` says what it is: its config, and the keys of its cells in
the store. It goes when the results are there. Results of an earlier run stay beside it, untouched.
"""

import json
import shlex
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablation import UserError
from ablation.datasets.prepared import load, name_of
from ablation.records.files import write_json
from ablation.studies.cells import Cell, expand
from ablation.studies.machine.environment import Environment
from ablation.studies.own.files import load as load_choices
from ablation.studies.results import write_results
from ablation.studies.store.looking import look_into
from ablation.studies.study import Study, check_study
from ablation.studies.views import with_views

NAME = "unfinished.json"


def note(study: Study, keys: Sequence[str], digests: Mapping[str, str], environment: Environment) -> None:
    """Say beside the results what is being trained, until ``done``.

    Raises:
        UserError: the folder cannot be written to.
    """
    begun = {"config": study.config, "overrides": study.overrides, "keys": [*keys]}
    begun |= {"data": dict(digests), "environment": dict(environment)}
    try:
        study.results_folder.mkdir(parents=True, exist_ok=True)
        write_json(begun, study.results_folder / NAME)
    except OSError as error:
        raise UserError(f"{study.results_folder}: cannot be written to ({error.strerror})") from error


def done(study: Study) -> None:
    """Say that all of a study's results are there."""
    (study.results_folder / NAME).unlink(missing_ok=True)


@contextmanager
def to_report(study: Study) -> Iterator[Study]:
    """Yield the study whose results are to be reported: itself, or where it is not finished, with a folder of what
    there is of it now, which is removed in the end.

    Raises:
        UserError: none of its cells is finished, or what is needed of them is gone.
    """
    path = study.results_folder / NAME
    if not path.is_file():
        yield study
        return
    with tempfile.TemporaryDirectory(prefix="ablation-") as name:
        folder = Path(name) / study.name
        _gather(study, path, folder)
        yield replace(study, results_folder=folder)


def _gather(study: Study, path: Path, folder: Path) -> None:
    begun = _read(path)
    load_choices(begun["config"]["choices"])
    recorded = check_study({**begun["config"], "overrides": begun["overrides"]})
    recorded = replace(recorded, name=study.name, results_folder=folder)
    cells = expand(recorded)
    if len(cells) != len(begun["keys"]):
        raise UserError(f"{path}: is of another version of the project; {_again(recorded.overrides)}")
    with look_into(recorded.store_folder) as store:
        held = store.present(begun["keys"])
        pairs = whole_combinations([*zip(cells, begun["keys"], strict=True)], held)
        if not pairs:
            raise UserError(
                f"{study.name}: is not finished: {len(held)} of its {len(cells)} cells are, and no combination has all "
                f"of its seeds and learning rates yet; {_again(recorded.overrides)}"
            )
        there = [cell for cell, _ in pairs]
        cards = _cards(recorded, there, begun["data"])
        write_results(recorded, there, [key for _, key in pairs], store, cards, begun["environment"], len(cells))


def whole_combinations(planned: Sequence[tuple[Cell, str]], held: Collection[str]) -> list[tuple[Cell, str]]:
    """Return the cells, each with its key, of the combinations of which the store holds every seed and learning rate.

    One of which some are missing would be tuned by less than the others, and compared on fewer seeds.
    """

    def combination(cell: Cell) -> tuple[Any, ...]:
        return tuple(level for factor, level in cell.factors.items() if factor not in ("seed", "lr"))

    broken = {combination(cell) for cell, key in planned if key not in held}
    return [(cell, key) for cell, key in planned if combination(cell) not in broken]


def _cards(study: Study, cells: Sequence[Cell], digests: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the cards of the data that cells were trained on."""
    prepared = {
        name_of(label, split): load(label, parameters, study.data_folder, split)[1]
        for label, parameters in study.data.items()
        for split in study.numbers["split"]
    }
    cards = with_views(prepared, {cell.data for cell in cells})
    for name in {cell.data for cell in cells}:
        if cards[name]["digest"] != digests.get(name):
            raise UserError(f"data.{name}: was prepared anew since the study was begun; {_again(study.overrides)}")
    return cards


def _read(path: Path) -> dict[str, Any]:
    try:
        begun = json.loads(path.read_text("utf-8"))
        if {"config", "overrides", "keys", "data", "environment"} <= begun.keys():
            return dict(begun)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, AttributeError):
        pass
    raise UserError(f"{path}: says of no study what was begun; run the study again, or remove the file")


def _again(overrides: Sequence[str]) -> str:
    return f"go on with {shlex.join(['python', 'pipelines/study.py', *overrides])}"
