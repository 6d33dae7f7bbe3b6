"""MLflow as a projection of the store: one experiment a study, a flat run a cell, written by one background thread.

The store is the truth; what stands here can be dropped and is made again by the next run of the study. A cell's run is
found by its tag ``cell_key``, so a second pass adds nothing.
"""

import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from tqdm import tqdm

from ablation import UserError
from ablation.studies.cells import Cell
from ablation.studies.store import Record
from ablation.studies.study import Study
from ablation.studies.tracking.cell_runs import CellRuns
from ablation.studies.tracking.client import NoRoom, connect, find_experiment, refused
from ablation.studies.tracking.machine_load import MachineLoad
from ablation.studies.tracking.rows import Run, is_database, runs_by_tag, write_rows, write_through_client
from ablation.studies.tracking.summary import describe_study, log_load
from ablation.studies.tracking.weights import Weights

BATCH = 200
"""Most runs that are written in one transaction."""


class Tracker(Protocol):
    """Where finished cells are shown while the study goes on."""

    def knows(self, key: str) -> bool:
        """Return whether the cell is already there, or on its way."""

    def add(
        self,
        key: str,
        cell: Cell,
        record: Record,
        cohort: str,
        seconds: float,
        copy_of: str = "",
        weights: bytes | None = None,
    ) -> None:
        """Show a finished cell and its share of its cohort's training time, soon; this returns at once.

        ``copy_of``: the cell whose numbers it has, where it was known by them; ``weights``: its parameters as a file.
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

    def add(
        self,
        key: str,
        cell: Cell,
        record: Record,
        cohort: str,
        seconds: float,
        copy_of: str = "",
        weights: bytes | None = None,
    ) -> None:
        pass

    def finish(self, manifest: Mapping[str, Any]) -> None:
        if self._error is not None:
            raise _late(str(self._error)) from self._error

    def stop(self) -> None:
        pass


@contextmanager
def track(study: Study, cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> Iterator[Tracker]:
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
        tracker = _Mlflow(study, cells, cards)
    except NoRoom as error:
        tracker = _Untracked(error)
    try:
        yield tracker
    finally:
        tracker.stop()


def _late(told: str) -> UserError:
    return UserError(f"{told}; the results are complete, and the same command, run once more, logs what is missing")


class _Mlflow:
    def __init__(self, study: Study, cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> None:
        self._uri, self._name = study.tracking["uri"], study.name
        self._client = connect(self._uri)
        with refused(self._uri):
            self._experiment = find_experiment(self._client, self._name)
            self._runs = dict[str, str]()  # of each cell, once it is written
            for key, run, status in runs_by_tag(self._client, self._experiment, "cell_key"):
                if status == "RUNNING":
                    # Left half written by a study that was killed; it is made again.
                    self._client.delete_run(run)
                else:
                    self._runs[key] = run
        self._known = set(self._runs)
        self._cells = CellRuns(study, cells, cards)
        self._weights = Weights(len(cells)) if study.tracking.get("weights") else None
        self._load = MachineLoad()
        self._trains = False
        self._waiting: queue.Queue[tuple[str, Run] | None] = queue.Queue()
        self._error: Exception | None = None
        self._abandoned = False
        self._writer = threading.Thread(target=self._write_all, name="mlflow-writer", daemon=True)
        self._writer.start()

    def knows(self, key: str) -> bool:
        return key in self._known

    def add(
        self,
        key: str,
        cell: Cell,
        record: Record,
        cohort: str,
        seconds: float,
        copy_of: str = "",
        weights: bytes | None = None,
    ) -> None:
        self._trains |= seconds > 0
        if self._weights is not None and weights is not None:
            self._weights.put(key, weights)
        if key not in self._known and self._error is None:
            self._known.add(key)
            # What waits is what is shown: MLflow falls behind short cells, and a queue of whole records would be large.
            self._waiting.put((key, self._cells.run(key, cell, record, cohort, seconds, copy_of)))

    def finish(self, manifest: Mapping[str, Any]) -> None:
        self._waiting.put(None)
        self._writer.join()
        load = self._load.stop()
        try:
            if self._error is not None:
                raise self._error
            with refused(self._uri):
                if self._weights is not None:
                    self._weights.log(self._client, self._runs)
                    if told := self._weights.lacking():
                        tqdm.write(f"{self._name}: {told}", file=sys.stderr)
                if self._trains:
                    log_load(self._client, self._experiment, manifest, load)
                describe_study(self._client, self._experiment, manifest)
        except UserError as error:
            raise _late(str(error)) from error

    def stop(self) -> None:
        """End the threads; what is still waiting is logged by the next run of the study."""
        self._abandoned = True
        self._waiting.put(None)
        self._writer.join()
        self._load.stop()
        if self._weights is not None:
            self._weights.close()

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
                    self._write(dict(item for item in batch if item is not None))
            except Exception as error:
                # Training goes on: the store has the cells. `finish` raises it, a fault of this code's own too.
                self._error = error
                return

    def _write(self, runs: Mapping[str, Run]) -> None:
        if not runs:
            return
        if is_database(self._client):
            ids = write_rows(self._client, self._experiment, [*runs.values()])
        else:
            ids = [write_through_client(self._client, self._experiment, run) for run in runs.values()]
        self._runs.update(zip(runs, ids, strict=True))
