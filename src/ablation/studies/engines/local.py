"""Engines of this machine: every cohort in this process, or one worker process per core."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.losses import Losses
from ablation.studies.engines.work import Supply, TooLargeError, Trained, load_data, train_cohort
from ablation.studies.engines.worker import Worker, WorkerDiedError, cannot_start, end, start_workers
from ablation.studies.machine.resources import cores

RETRIES = 3
"""How often a cohort is tried again whose worker died; the last time alone, with all memory to itself."""


class Failed(NamedTuple):
    """A cohort that was not trained, and why."""

    cohort: Cohort
    reason: str


class Died(NamedTuple):
    """A cohort whose worker died, so that it is worth a try alone."""

    cohort: Cohort


def run_serial(cohorts: Sequence[Cohort], supply: Supply) -> Iterator[Trained]:
    """Train cohorts one after the other in this process.

    Raises:
        UserError: a cell does not fit into memory; all others were trained.
    """
    losses = Losses(cohorts)
    for cohort in cohorts:
        try:
            trained = train_here(cohort, supply)
        except TooLargeError as error:
            losses.add(cohort, str(error))
        else:
            yield trained
    losses.tell()


def run_processes(cohorts: Sequence[Cohort], supply: Supply, workers: int) -> Iterator[Trained]:
    """Train cohorts in worker processes and yield each as it is done, in whatever order that is.

    Raises:
        UserError: workers cannot be started, or died of a cohort again and again; all others were trained.
    """
    losses = Losses(cohorts)
    crew = start_workers(min(workers, len(cohorts)))
    shift = _Shift(cohorts, supply, crew)
    try:
        shift.begin()
        alone = []
        for answer in shift.answers(len(cohorts)):
            if isinstance(answer, Trained):
                yield answer
            elif isinstance(answer, Died):
                alone.append(answer.cohort)
            else:
                losses.add(*answer)
        for cohort in alone:
            answer = shift.last_try(cohort)
            if isinstance(answer, Trained):
                yield answer
            else:
                losses.add(*answer)
        shift.dismiss()
        losses.tell()
    finally:
        shift.end()


class _Shift:
    """Workers at work, each looked after by a thread of its own, so that none waits for what becomes of its results.

    Args:
        cohorts: what is to be trained.
        supply: what they need for it.
        crew: the workers, which have begun.
    """

    def __init__(self, cohorts: Sequence[Cohort], supply: Supply, crew: list[Worker]) -> None:
        self._supply, self._crew = supply, crew
        self._waiting = deque((cohort, 0) for cohort in cohorts)
        self._answers: SimpleQueue[Trained | Failed | Died | BaseException] = SimpleQueue()
        # So many results at most wait to be kept: more would fill the memory where keeping takes longer than training.
        self._room = threading.Semaphore(2 * len(crew))
        self._over = False
        self._threads = [threading.Thread(target=self._look_after, args=[place]) for place in range(len(crew))]

    def begin(self) -> None:
        """Begin to train.

        Raises:
            UserError: no threads are to be had.
        """
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:
            raise cannot_start(error) from error

    def answers(self, count: int) -> Iterator[Trained | Failed | Died]:
        """Yield so many answers, each as it comes."""
        for _ in range(count):
            answer = self._answers.get()
            self._room.release()
            if isinstance(answer, BaseException):
                raise answer
            yield answer

    def last_try(self, cohort: Cohort) -> Trained | Failed:
        """Train a cohort with no other beside it."""
        end(self._crew[1:])
        del self._crew[1:]
        try:
            return self._crew[0].call(train_here, cohort, self._supply)
        except TooLargeError as error:
            return Failed(cohort, str(error))
        except WorkerDiedError as error:
            self._crew[:] = start_workers(1)
            return Failed(
                cohort,
                f"a worker process died of it {1 + RETRIES} times ({error}); with engine.workers=1 or engine=serial "
                "it may have more memory",
            )

    def dismiss(self) -> None:
        """Let all workers end by themselves: what they have opened is closed."""
        for worker in self._crew:
            worker.dismiss()

    def end(self) -> None:
        """End all workers, whatever they do."""
        self._over = True
        self._room.release(len(self._crew))
        end(self._crew)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        end(self._crew)  # those that a thread has just started in place of others

    def _look_after(self, place: int) -> None:
        try:
            while not self._over and self._waiting:
                self._room.acquire()
                self._next(place)
        except BaseException as error:  # whatever it is, the study has to know; raised there
            self._answers.put(error)

    def _next(self, place: int) -> None:
        try:
            cohort, deaths = self._waiting.popleft()
        except IndexError:
            return
        try:
            self._answers.put(self._crew[place].call(train_here, cohort, self._supply))
        except TooLargeError as error:
            self._answers.put(Failed(cohort, str(error)))
        except WorkerDiedError:
            if self._over:
                return
            (self._crew[place],) = start_workers(1)
            if deaths + 1 == RETRIES:
                self._answers.put(Died(cohort))
            else:
                self._waiting.append((cohort, deaths + 1))
                self._room.release()


def train_here(cohort: Cohort, supply: Supply) -> Trained:
    """Train a cohort in this process, which reads each data set once.

    Raises:
        UserError: this process computes in another way than the keys say.
    """
    supply.prepare()
    return train_cohort(cohort, load_data(cohort.cells[0].data, supply), supply.keeps_weights)


def default_workers() -> int:
    """Return how many cores this process may use."""
    return cores()
