"""Figures drawn side by side, each in a process of its own, while the parent goes on."""

import importlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Self

from ablation import UserError
from ablation.reporting.design import Design
from ablation.reporting.figures import Drawn, Plots, draw, drawings
from ablation.reporting.figures.view import View
from ablation.reporting.options import STYLES


class Painters:
    """Processes that draw; with one worker it is this process that does.

    A figure's bytes depend on its view and design alone, whoever draws it.

    Raises:
        UserError: processes cannot be started here, or one of them died.
    """

    def __init__(self, workers: int) -> None:
        # Not forked: a copy of a process with threads may wait forever for a lock that one of them held.
        context = multiprocessing.get_context("spawn")
        self.pool: ProcessPoolExecutor | None = None
        if workers > 1:
            with self.trouble():
                self.pool = ProcessPoolExecutor(workers, context, start_painter)
                for _ in range(workers):  # let them load what they need while the results are still being read
                    self.pool.submit(drawings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def draw(
        self, drawings: Sequence[Plots], views: Sequence[View], design: Design, style: str = STYLES[0]
    ) -> Iterator[Drawn]:
        """The files of each view, drawn by the drawing at its place, in their order; begun now, not when asked for."""
        names = [drawing.__name__ for drawing in drawings]
        how = itertools.repeat(design), itertools.repeat(style)
        if not self.pool:
            return map(draw_named, names, views, *how)
        with self.trouble():
            drawn = self.pool.map(draw_named, names, views, *how)
        return self.each(drawn)

    def each(self, drawn: Iterator[Drawn]) -> Iterator[Drawn]:
        """What the processes have drawn, as it is asked for."""
        with self.trouble():
            yield from drawn

    @contextmanager
    def trouble(self) -> Iterator[None]:
        """One line, and no process left, where this machine lets no process start or ends one."""
        try:
            yield
        except (OSError, ImportError, NotImplementedError, BrokenProcessPool) as error:
            # No semaphores, no memory, too many processes; or no module of semaphores in this Python at all.
            self.__exit__()
            why = (
                "one of them died"
                if isinstance(error, BrokenProcessPool)
                else getattr(error, "strerror", None) or error
            )
            raise UserError(
                f"report.workers: figures cannot be drawn by several processes here ({why}); "
                "report.workers=1 draws them in this one"
            ) from error


def start_painter() -> None:
    """End with the parent, even one that is killed without a word; an interrupt is answered by the parent alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def draw_named(name: str, view: View, design: Design, style: str) -> Drawn:
    """The files of a view drawn by the module of that name: no module itself can be sent to a worker."""
    drawing: Any = importlib.import_module(name)
    return draw(drawing, view, design, style)
