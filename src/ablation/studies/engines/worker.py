"""A worker process: started by a server that has imported torch, one thread each, and replaced when it dies.

Each is a pool of one. When a worker of a larger pool dies, the pool takes all others with it, and does not say which of
them it was.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import TypeVar

import torch

from ablation import UserError

Answer = TypeVar("Answer")

SERVER = "ablation.studies.server"
"""What the server that forks the workers imports."""

REFUSALS = (OSError, EOFError, ImportError, NotImplementedError, RuntimeError)
"""What comes of it where a process, a thread, a file or a semaphore is not to be had."""

ENDED = (BrokenProcessPool, EOFError, ConnectionError)
"""What comes of it where a process ends before it has begun, a worker or the server that forks them."""

TRIES = 4
"""How often workers are started that end at once."""

PAUSE_SECONDS = 0.5
"""How long is waited before the next try."""

FILES = 12
"""Files that are open a worker, about."""

PATIENCE_SECONDS = 0.1
"""How often is looked whether a worker that does not begin ever will."""

_starting = threading.Lock()


class WorkerDiedError(Exception):
    """A worker ended in the middle of its work; how, in words."""


class Worker:
    """One worker process; see ``start_workers``."""

    def __init__(self) -> None:
        # A server that has imported torch forks the workers: they start at once, and nothing of this process (threads,
        # open databases) is copied into them.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([SERVER])
        before = set(multiprocessing.active_children())
        self._processes: set[BaseProcess] = set()
        self._pool = ProcessPoolExecutor(1, context, start_worker)
        try:
            self._begun = self._pool.submit(os.getpid)
        finally:
            self._processes = set(multiprocessing.active_children()) - before

    def begin(self, refused: Sequence[BaseException]) -> None:
        """Wait until it has begun; ``refused`` is what threads of this process have failed with meanwhile."""
        while True:
            try:
                self._begun.result(PATIENCE_SECONDS)
                return
            except TimeoutError:
                if refused:
                    raise refused[0] from None

    def call(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Return what a function returns in the worker, or raise what it raises.

        Raises:
            WorkerDiedError: the worker ended before it answered.
        """
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self._pool.shutdown()
            raise WorkerDiedError(_how(next(iter(self._processes)))) from error

    def dismiss(self) -> None:
        """Let it end by itself, with nothing left to do."""
        self._pool.shutdown()

    def kill(self) -> None:
        """End it whatever it does."""
        for process in self._processes:
            process.kill()
        self._pool.shutdown()


def start_workers(count: int) -> list[Worker]:
    """Return so many workers that have begun.

    Raises:
        UserError: they cannot be started; none is left behind.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with _starting:
                return _start(count)
        except REFUSALS as error:
            if tries_left == 0 or not isinstance(error, ENDED):
                raise cannot_start(error) from error
            # What was killed may do better the next time, once it is gone.
            time.sleep(PAUSE_SECONDS)
    raise AssertionError


def _start(count: int) -> list[Worker]:
    workers: list[Worker] = []
    refused: list[BaseException] = []
    # A pool that is refused a thread of its own would wait for ever.
    usual = threading.excepthook
    threading.excepthook = lambda failed: refused.append(failed.exc_value or EOFError())
    try:
        _open_more_files(FILES * count)
        for _ in range(count):
            workers.append(Worker())
        for worker in workers:
            worker.begin(refused)
    except BaseException:  # an interrupt too; raised again
        end(workers)
        raise
    finally:
        threading.excepthook = usual
    return workers


def end(workers: Sequence[Worker]) -> None:
    """End workers whatever they do."""
    for worker in workers:
        worker.kill()


def cannot_start(error: BaseException) -> UserError:
    """Return what is said where a process, or what it takes, is refused."""
    reason = "one ended at once" if isinstance(error, ENDED) else str(error) or type(error).__name__
    if "AF_UNIX" in reason:
        folder = tempfile.gettempdir()
        reason += f", for TMPDIR={folder if len(folder) <= 60 else folder[:57] + '...'}"
    return UserError(
        f"worker processes cannot be started ({' '.join(reason.split())[:200]}); engine=serial does without them"
    )


def _open_more_files(count: int) -> None:
    """Raise the number of files that this process may open, as far as it may, where it is too small."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft < wanted and soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


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


def _how(process: BaseProcess) -> str:
    """Return how a worker ended."""
    code = process.exitcode
    if code is None or code >= 0:
        return f"exit code {code}"
    return "killed, as when memory runs out" if code == -signal.SIGKILL else signal.Signals(-code).name
