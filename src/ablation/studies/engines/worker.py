"""A worker process: started by a server that has imported torch, one thread each, and replaced when it dies.

Each is a pool of one. When a worker of a larger pool dies, the pool takes all others with it, and does not say which of
them it was.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import TypeVar

import torch

from ablation import UserError

Answer = TypeVar("Answer")

SERVER = "ablation.studies.engines.server"
"""What the server that forks the workers imports."""


class WorkerDiedError(Exception):
    """A worker ended in the middle of its work; how, in words."""


class Worker:
    """One worker process.

    Raises:
        UserError: no process can be started.
    """

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        # A server that has imported torch forks the workers: they start at once, and nothing of this process (threads,
        # open databases) is copied into them.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([SERVER])
        try:
            self._pool = ProcessPoolExecutor(1, context, start_worker)
            self._pid = self._pool.submit(os.getpid)
        except (OSError, EOFError, ImportError, NotImplementedError, RuntimeError) as error:
            raise _cannot_start(error) from error

    def begin(self) -> None:
        """Wait until it has begun.

        Raises:
            UserError: it ended at once.
        """
        try:
            pid = self._pid.result()
        except BrokenProcessPool as error:
            raise _cannot_start(error) from error
        self._process = next((child for child in multiprocessing.active_children() if child.pid == pid), None)

    def call(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Return what a function returns in the worker, or raise what it raises.

        Raises:
            WorkerDiedError: the worker ended before it answered.
        """
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self._pool.shutdown()
            raise WorkerDiedError(_how(self._process)) from error

    def kill(self) -> None:
        """End it whatever it does."""
        if self._process is not None:
            self._process.kill()
        self.close()

    def close(self) -> None:
        """End it once it has answered."""
        self._pool.shutdown()


def start_workers(count: int) -> list[Worker]:
    """Return so many workers that have begun.

    Raises:
        UserError: they cannot be started; none is left behind.
    """
    workers: list[Worker] = []
    try:
        for _ in range(count):
            workers.append(Worker())
        for worker in workers:
            worker.begin()
    except BaseException:  # an interrupt too; raised again
        end(workers)
        raise
    return workers


def end(workers: Sequence[Worker]) -> None:
    """End workers whatever they do."""
    for worker in workers:
        worker.kill()


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

    try:
        threading.Thread(target=watch, daemon=True).start()
    except RuntimeError:  # no thread is to be had; the study says what that means
        os._exit(1)


def _cannot_start(error: BaseException) -> UserError:
    reason = "one ended at once" if isinstance(error, BrokenProcessPool) else str(error) or type(error).__name__
    return UserError(
        f"worker processes cannot be started ({' '.join(reason.split())[:200]}); engine=serial does without them"
    )


def _how(process: BaseProcess | None) -> str:
    code = None if process is None else process.exitcode
    if code is None or code >= 0:
        return "ended" if code is None else f"exit code {code}"
    return "killed, as when memory runs out" if code == -signal.SIGKILL else signal.Signals(-code).name
