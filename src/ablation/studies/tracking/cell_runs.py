"""A cell as a run of MLflow: its name, tags, parameters, metrics and data."""

import json
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablation.choices.activations import ACTIVATIONS
from ablation.datasets.settings import targets_of
from ablation.records.columns import FACTORS
from ablation.studies.cells import Cell, name_of
from ablation.studies.manifest import steps_per_epoch
from ablation.studies.store import Record
from ablation.studies.study import Study
from ablation.studies.tracking.measured import Setting, curves, ends, points_of
from ablation.studies.tracking.rows import Run
from ablation.training.probes import is_bounded
from ablation.training.spec import bind

SCRIPT = "pipelines/study.py"


class CellRuns:
    """Makes the runs of a study's cells.

    Args:
        study: the study.
        cells: all of its cells.
        cards: the data's, by name.
    """

    def __init__(self, study: Study, cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> None:
        self._study, self._cards = study, cards
        self._varied = [factor for factor in FACTORS if len({cell.factors[factor] for cell in cells}) > 1]
        self._targets = {label: targets_of(label, given, self._task(label)) for label, given in study.data.items()}
        levels = study.levels["activation"].items()
        self._bounded = {label: is_bounded(bind(ACTIVATIONS, level)) for label, level in levels}
        self._points = points_of(len(cells))
        self._several = len({self._steps(cell) for cell in cells}) > 1
        self._tags = tags_of(study)

    def run(self, key: str, cell: Cell, record: Record, cohort: str, seconds: float, copy_of: str) -> Run:
        """Return the run of a cell that was trained in a cohort, in so many seconds of its time."""
        from mlflow.entities import Dataset

        setting = self._setting(cell)
        failure, ended = ends(key, cell, record, setting)
        status = "finished" if record.diverged_step is None else "diverged"
        tags = {"cell": cell.name, "cell_key": key, "cohort": cohort, "status": status, "failure": failure}
        if copy_of:
            tags["copy_of"] = copy_of
        end = int(time.time() * 1000)
        start = end - int(seconds * 1000)
        last = int(record.curve_steps[-1]) if len(record.curve_steps) else 0
        # A step is a millisecond, so that the order in time is that of the steps.
        metrics = [(name, value, start + step, step) for name, value, step in curves(cell, record, setting)]
        metrics += [(name, value, start + last, step) for name, value, step in ended]
        card = self._cards[cell.data]
        profile = json.dumps({name: card[name] for name in ("train", "val", "test", "task", "outputs")})
        source = json.dumps({"source": card["source"]})
        dataset = Dataset(cell.data, card["digest"][:36], "code", source, profile=profile)
        # Of the examples alone a level is none: all of them.
        params = {factor: "all" if level is None else str(level) for factor, level in cell.factors.items()}
        return Run(self._name(cell), status == "diverged", start, end, {**self._tags, **tags}, params, metrics, dataset)

    def _name(self, cell: Cell) -> str:
        """Return what tells the cell from the study's others: its levels of the factors that vary."""
        varied = {factor: cell.factors[factor] for factor in self._varied}
        return name_of(varied) or cell.name

    def _setting(self, cell: Cell) -> Setting:
        ((unit, horizon),) = self._study.horizon.items()
        return Setting(
            self._steps(cell),
            horizon,
            unit,
            self._targets[cell.factors["data"]][1],
            self._bounded[cell.factors["activation"]],
            self._points,
            self._several,
        )

    def _steps(self, cell: Cell) -> int:
        return steps_per_epoch(self._cards[cell.data], cell.spec.batch_size)

    def _task(self, label: str) -> str:
        return next(str(card["task"]) for card in self._cards.values() if card["label"] == label)


def tags_of(study: Study) -> dict[str, str]:
    """Return what all runs of a study have in common: where they come from."""
    preset = study.overrides[0].removeprefix("study=")
    tags = {"study": study.name, "preset": preset, "command": shlex.join(["python", SCRIPT, *study.overrides])}
    # MLflow's own names, which its interface shows as the run's source.
    tags |= {"mlflow.source.name": SCRIPT, "mlflow.source.type": "LOCAL"}
    if commit := git_commit():
        tags["mlflow.source.git.commit"] = commit
    return tags


def git_commit() -> str | None:
    """Return the commit of the checkout that this package lies in, if it lies in one."""
    here = Path(__file__)
    # The second asks whether the commit has this file: an unpacked archive may lie in a repository of something else.
    command = ["git", "rev-parse", "HEAD", f"HEAD:./{here.name}"]
    try:
        told = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.split()[0]
