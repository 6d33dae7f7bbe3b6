"""MLflow as a projection of the store: one experiment a study, a flat run a cell, written by one background thread.

The store is the truth; what stands here can be dropped and is made again by the next run of the study. A cell's run is
found by its tag ``cell_key``, so a second pass adds nothing.
"""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ablation import UserError
from ablation.records.columns import LOGGED, OUTCOMES
from ablation.studies.cells import Cell
from ablation.studies.results import cell_row
from ablation.studies.store import Record
from ablation.studies.study import Study
from ablation.studies.tracking.client import NoRoom, connect, find_experiment, refused
from ablation.studies.tracking.rows import Run, is_database, runs_by_tag, write_rows, write_through_client
from ablation.studies.tracking.summary import study_note
from ablation.training.measurement import CURVE_METRICS

CURVE_POINTS = 25
"""Evaluations of a curve that are logged, the first and the last among them; all of them are in curves.parquet."""

BATCH = 200
"""Most runs that are written in one transaction."""


class Tracker(Protocol):
    """Where finished cells are shown while the study goes on."""

    def knows(self, key: str) -> bool:
        """Return whether the cell is already there, or on its way."""

    def add(self, key: str, cell: Cell, record: Record, cohort: str, seconds: float, copy_of: str = "") -> None:
        """Show a finished cell and its share of its cohort's training time, soon; this returns at once.

        ``copy_of``: the cell whose numbers it has, where it was known by them.
        """

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Wait until all is shown, and say what the study is.

        Raises:
            UserError: something could not be written.
        """


class _Untracked:
    """``tracking=none``; or no room for MLflow from the beginning, which the end tells."""

    def __init__(self, error: NoRoom | None = None) -> None:
        self._error = error

    def knows(self, key: str) -> bool:
        return True

    def add(self, key: str, cell: Cell, record: Record, cohort: str, seconds: float, copy_of: str = "") -> None:
        pass

    def finish(self, manifest: Mapping[str, Any]) -> None:
        if self._error is not None:
            raise _late(str(self._error)) from self._error

    def stop(self) -> None:
        pass


@contextmanager
def track(study: Study, cards: Mapping[str, Mapping[str, Any]]) -> Iterator[Tracker]:
    """Open the study's experiment. The database is made here, before any worker is started.

    A full disk does not keep the study from training: the store and the results may well lie on another one.

    Raises:
        UserError: MLflow refuses the URI, the database or the experiment.
    """
    if study.tracking["kind"] == "none":
        yield _Untracked()
        return
    tracker: _Untracked | _Mlflow
    try:
        tracker = _Mlflow(study.tracking["uri"], study.name, cards)
    except NoRoom as error:
        tracker = _Untracked(error)
    try:
        yield tracker
    finally:
        tracker.stop()


def _late(told: str) -> UserError:
    return UserError(f"{told}; the results are complete, and the same command, run once more, logs what is missing")


class _Mlflow:
    def __init__(self, uri: str, name: str, cards: Mapping[str, Mapping[str, Any]]) -> None:
        self._uri, self._name, self._cards = uri, name, cards
        self._client = connect(uri)
        with refused(uri):
            self._experiment = find_experiment(self._client, name)
            self._known = set()
            for key, run, status in runs_by_tag(self._client, self._experiment, "cell_key"):
                if status == "RUNNING":
                    # Left half written by a study that was killed; it is made again.
                    self._client.delete_run(run)
                else:
                    self._known.add(key)
        self._commit = _git_commit()
        self._waiting: queue.Queue[tuple[str, Cell, Record, str, float, str] | None] = queue.Queue()
        self._error: Exception | None = None
        self._abandoned = False
        self._writer = threading.Thread(target=self._write_all, name="mlflow-writer", daemon=True)
        self._writer.start()

    def knows(self, key: str) -> bool:
        return key in self._known

    def add(self, key: str, cell: Cell, record: Record, cohort: str, seconds: float, copy_of: str = "") -> None:
        if key not in self._known and self._error is None:
            self._known.add(key)
            # MLflow falls behind short cells, and is told nothing of these: a long queue would be full of them.
            lean = replace(record, spec={}, layers=np.empty(0, np.float32))
            self._waiting.put((key, cell, lean, cohort, seconds, copy_of))

    def finish(self, manifest: Mapping[str, Any]) -> None:
        self._waiting.put(None)
        self._writer.join()
        try:
            if self._error is not None:
                raise self._error
            with refused(self._uri):
                self._client.set_experiment_tag(self._experiment, "mlflow.note.content", study_note(manifest))
        except UserError as error:
            raise _late(str(error)) from error

    def stop(self) -> None:
        """End the thread; what is still waiting is logged by the next run of the study."""
        self._abandoned = True
        self._waiting.put(None)
        self._writer.join()

    def _write_all(self) -> None:
        ended = False
        while not ended and not self._abandoned:
            batch = [self._waiting.get()]
            # What has come meanwhile goes along: the more there is to write, the cheaper is each run.
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            ended = batch[-1] is None
            try:
                with refused(self._uri):
                    self._write([self._run(*item) for item in batch if item is not None])
            except Exception as error:
                # Training goes on: the store has the cells. `finish` raises it, a fault of this code's own too.
                self._error = error
                return

    def _write(self, runs: list[Run]) -> None:
        if not runs:
            return
        if is_database(self._client):
            write_rows(self._client, self._experiment, runs)
        else:
            for run in runs:
                write_through_client(self._client, self._experiment, run)

    def _run(self, key: str, cell: Cell, record: Record, cohort: str, seconds: float, copy_of: str) -> Run:
        from mlflow.entities import Dataset

        row = cell_row(key, cell, record)
        tags = {"study": self._name, "cell_key": key, "cohort": cohort, "status": row["status"]}
        if copy_of:
            tags["copy_of"] = copy_of
        if self._commit:
            tags["mlflow.source.git.commit"] = self._commit
        end = int(time.time() * 1000)
        start = end - int(seconds * 1000)
        last = int(record.curve_steps[-1]) if len(record.curve_steps) else 0
        card = self._cards[cell.data]
        steps_per_epoch = int(card["train"]) // cell.spec.batch_size
        finals = {f"final/{name}": row[name] for name in OUTCOMES} | {"final/parameters": record.parameters}
        finals["final/diverged_step"] = record.diverged_step
        # A database has no place for what is not finite; results/ has it.
        metrics = [
            (name, float(value), start + last, last)
            for name, value in finals.items()
            if value is not None and np.isfinite(value)
        ]
        for place in _thinned(len(record.curve_steps)):
            step = int(record.curve_steps[place])
            values = {name: float(record.curves[place, CURVE_METRICS.index(name)]) for name in LOGGED}
            values["epoch"] = step / steps_per_epoch
            metrics += [(name, value, start + step, step) for name, value in values.items() if np.isfinite(value)]
        profile = json.dumps({name: card[name] for name in ("train", "val", "test", "task", "outputs")})
        dataset = Dataset(
            cell.data, card["digest"][:36], "code", json.dumps({"source": card["source"]}), profile=profile
        )
        # Of the examples alone a level is none: all of them.
        params = {factor: "all" if level is None else str(level) for factor, level in cell.factors.items()}
        return Run(cell.name, record.diverged_step is not None, start, end, tags, params, metrics, dataset)


def _thinned(count: int) -> list[int]:
    """Return at most ``CURVE_POINTS`` places of a curve, evenly spread, with both ends."""
    return (
        sorted({int(place) for place in np.linspace(0, count - 1, min(count, CURVE_POINTS)).round()}) if count else []
    )


def _git_commit() -> str | None:
    """Return the commit of the checkout that this package lies in, if it lies in one."""
    here = Path(__file__)
    # The second asks whether the commit has this file: an unpacked archive may lie in a repository of something else.
    command = ["git", "rev-parse", "HEAD", f"HEAD:./{here.name}"]
    try:
        told = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.split()[0]
