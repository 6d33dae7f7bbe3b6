"""Engines of this machine: every cohort in this process, or one worker process per core."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import torch

from ablation import UserError
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.work import Source, Trained, load_data, train_cohort


def run_serial(cohorts: Sequence[Cohort], source: Source) -> Iterator[Trained]:
    """Train cohorts one after the other in this process."""
    for cohort in cohorts:
        yield train_here(cohort, source)


def run_processes(cohorts: Sequence[Cohort], source: Source, workers: int) -> Iterator[Trained]:
    """Train cohorts in worker processes and yield each as it is done, in whatever order that is.

    Raises:
        UserError: a worker died.
    """
    # A server that has imported torch forks the workers: they start at once, and nothing of this process (threads,
    # open databases) is copied into them.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ablation.studies.engines.local"])
    with ProcessPoolExecutor(workers, context, start_worker) as pool:
        waiting = list(cohorts)
        running: set[Future[Trained]] = set()
        try:
            while waiting or running:
                # One cohort ahead of every worker: none waits for work, and an interrupt need not wait for a queue.
                while waiting and len(running) < 2 * workers:
                    running.add(pool.submit(train_here, waiting.pop(0), source))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died (out of memory, or killed); what was finished is kept, the same command goes on"
            ) from error
        except BaseException:  # an interrupt too, and a consumer that stops early; raised again below
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def train_here(cohort: Cohort, source: Source) -> Trained:
    """Train a cohort in this process, which reads each data set once."""
    return train_cohort(cohort, load_data(cohort.cells[0].data, source))


def start_worker() -> None:
    """Prepare a worker: one thread, and an end with the study, which may be killed without a word."""
    # An interrupt from the terminal reaches every process; only the study itself answers it, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    study = multiprocessing.parent_process()
    assert study is not None

    def watch() -> None:
        study.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def default_workers() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
