"""The training of a study's missing cells, in two rounds: what others wait for, then what that did not tell."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tqdm import tqdm

from ablation.studies.cells import Cell
from ablation.studies.engines import run_cohorts
from ablation.studies.engines.cohorts import Cohort, Limits, make_cohorts
from ablation.studies.engines.losses import LostError
from ablation.studies.engines.work import Supply
from ablation.studies.known import Waiting
from ablation.studies.machine.cost import Ends
from ablation.studies.store import Record, Store
from ablation.studies.study import Study
from ablation.studies.tracking import Tracker


@dataclass(frozen=True)
class Plan:
    """How cells are trained: what data are to networks, how large a cohort may be, and by how many workers."""

    ends: Mapping[str, Ends]
    limits: Limits
    workers: int

    def cohorts(self, cells: Sequence[Cell], begin: int = 0) -> list[Cohort]:
        """Return cohorts of these cells, numbered from ``begin``."""
        return make_cohorts(cells, self.ends, self.workers, self.limits, begin)


class Rounds:
    """The training of a study.

    Args:
        study: the study.
        cells: its cells; places are those in this list.
        keys: their keys.
        plan: how they are trained.
        supply: what workers need for it.
        store: where every cohort is kept as it comes.
        tracker: where it is shown.
    """

    def __init__(
        self,
        study: Study,
        cells: Sequence[Cell],
        keys: Sequence[str],
        plan: Plan,
        supply: Supply,
        store: Store,
        tracker: Tracker,
    ) -> None:
        self._study, self._cells, self._keys, self._plan = study, cells, keys, plan
        self._supply, self._store, self._tracker = supply, store, tracker
        self._begun, self._cohorts = 0.0, 0
        self._known: set[int] = set()
        self._trained, self._diverged, self._run_steps, self._train_seconds = 0, 0, 0, 0.0

    def run(self, missing: Sequence[int], waiting: Waiting) -> dict[str, Any]:
        """Train the cells at these places, but those that turn out to be known; return the figures of ``timing.json``.

        Raises:
            UserError: some could not be trained; all others were, and are kept.
        """
        self._begun = time.perf_counter()
        there = len(self._cells) - len(missing)
        wanted, tried, lost = set(missing), set[int](), list[str]()
        with tqdm(total=len(self._cells), initial=there, unit="cell", desc=self._study.name, smoothing=0.1) as bar:
            for place in waiting.awaited:
                if place not in wanted:
                    record = self._store.get(self._keys[place])
                    if known := [(place, *told) for told in waiting.told(place, record)]:
                        self._add([], known, bar)
            for others in (waiting, ()):
                done = tried | self._known
                places = [place for place in missing if place not in others and place not in done]
                tried.update(places)
                try:
                    self._train(places, waiting, bar)
                except LostError as error:
                    # What waits for a lost cell is of the next round.
                    lost += error.told
        if lost:
            raise LostError(lost)
        return {
            "train_seconds": self._train_seconds,
            "run_steps": self._run_steps,
            "run_steps_per_second": self._rate(),
            "cells_trained": self._trained,
            "cells_known": len(self._known),
            "workers": self._plan.workers,
            "device": self._supply.device,
        }

    def _rate(self) -> float:
        return self._run_steps / (time.perf_counter() - self._begun)

    def _train(self, places: Sequence[int], waiting: Waiting, bar: "tqdm[Any]") -> None:
        """Train cells, keeping each cohort as it comes, with what it tells of those that wait."""
        cohorts = self._plan.cohorts([self._cells[place] for place in places], self._cohorts)
        self._cohorts += len(cohorts)
        cohorts = [replace(each, watched=waiting.watched(places[place] for place in each.places)) for each in cohorts]
        for trained in run_cohorts(cohorts, self._supply, self._study.engine, self._plan.workers):
            done = [
                (places[place], record) for place, record in zip(trained.cohort.places, trained.records, strict=True)
            ]
            known = [(place, *told) for place, record in done for told in waiting.told(place, record)]
            self._trained += len(done)
            self._diverged += sum(record.diverged_step is not None for record in trained.records)
            self._run_steps += trained.run_steps
            self._train_seconds += trained.seconds
            files = dict(zip([place for place, _ in done], trained.weights, strict=False))  # none, or one a cell
            self._add(done, known, bar, files)
            share, name = trained.seconds / len(done), trained.cohort.name
            for place, record in done:
                key, cell, weights = self._keys[place], self._cells[place], files.get(place)
                self._tracker.add(key, cell, record, name, share, weights=weights)

    def _add(
        self,
        done: Sequence[tuple[int, Record]],
        known: Sequence[tuple[int, int, Record]],
        bar: "tqdm[Any]",
        files: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        """Keep cells that were trained, and in the same moment those that are known by them; show the latter.

        ``files``: the weights of those that were trained, where they are asked for; who is known by one has its.
        """
        self._store.put((self._keys[place], record) for place, record in [*done, *(each[1:] for each in known)])
        self._known.update(place for _, place, _ in known)
        for sibling, place, record in known:
            of, weights = self._cells[sibling].name, files.get(sibling)
            self._tracker.add(self._keys[place], self._cells[place], record, "known", 0.0, of, weights)
        words = f"{self._rate():,.0f} run-steps/s, {self._diverged} diverged"
        bar.set_postfix_str(f"{words}, {len(self._known):,} known" if self._known else words, refresh=False)
        bar.update(len(done) + len(known))
