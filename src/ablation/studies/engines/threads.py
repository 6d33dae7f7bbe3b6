"""The engine of a GPU of this machine: a few cohorts at a time, each in a thread and on a stream of its own.

A cohort of small networks does not fill a GPU. The bits are those that it has by itself: streams share nothing but the
device, and threads nothing but the interpreter, which a captured cohort hardly needs.
"""

import ctypes
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.losses import Losses
from ablation.studies.engines.work import Supply, TooLargeError, Trained, load_data, train_cohort
from ablation.studies.machine.fingerprint import one_thread
from ablation.training.data import Data
from ablation.training.executing.cuda import release_cached

STREAMS = 4
"""How many cohorts train at a time where it is not said: more gain little, for the device starts only so many kernels a
second (30 cohorts of 36 cells took 21.3 s one by one, 9.6 by four, and hardly less by twelve, on an H200)."""


def run_threads(cohorts: Sequence[Cohort], supply: Supply, count: int) -> Iterator[Trained]:
    """Train so many cohorts at a time in threads of this process, and yield each as it is done, in whatever order.

    Raises:
        UserError: this process computes otherwise than the keys say, or a cell does not fit into memory, with all of it
            to itself; all others were trained then.
    """
    supply.prepare()
    losses, crew = Losses(cohorts), _Crew()
    waiting, alone = deque(cohorts), list[Cohort]()
    running: dict[Future[Trained], Cohort] = {}
    # Before there are threads, for how many of them torch uses is a setting of the process.
    with one_thread(), ThreadPoolExecutor(count) as pool:
        try:
            while waiting or running:
                # Some in front, so that no thread waits for what becomes of its results, and not all: they take memory.
                while waiting and len(running) < 2 * count:
                    cohort = waiting.popleft()
                    data = load_data(cohort.cells[0].data, supply)
                    running[pool.submit(crew.train, cohort, data, supply.keeps_weights)] = cohort
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    cohort = running.pop(done)
                    try:
                        trained = done.result()
                    except TooLargeError:
                        alone.append(cohort)
                    else:
                        yield trained
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            crew.end()
    for cohort in alone:
        release_cached()
        try:
            trained = train_cohort(cohort, load_data(cohort.cells[0].data, supply), supply.keeps_weights)
        except TooLargeError as error:
            losses.add(cohort, str(error))
        else:
            yield trained
    losses.tell()


class _Crew:
    """The threads that are at work."""

    def __init__(self) -> None:
        self._lock, self._threads, self._over = threading.Lock(), set[int](), False

    def train(self, cohort: Cohort, data: Data, keeps_weights: bool) -> Trained:
        """Train a cohort in this thread, which can be ended meanwhile."""
        thread = threading.get_ident()
        with self._lock:
            if self._over:
                raise KeyboardInterrupt
            self._threads.add(thread)
        try:
            return train_cohort(cohort, data, keeps_weights)
        finally:
            with self._lock:
                self._threads.discard(thread)

    def end(self) -> None:
        """End what is still at work: an interrupt reaches the main thread alone."""
        with self._lock:
            self._over = True
            for thread in self._threads:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
