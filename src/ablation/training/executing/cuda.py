"""A captured CUDA graph, and the stream that a cohort trains on."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from ablation.training.executing.execution import Body

_capturing = threading.Lock()
"""Held while a graph is captured, and by what must not be done meanwhile, in whatever thread."""

_idle: dict[torch.device, list[torch.cuda.Stream]] = {}
"""Streams on which nobody trains now."""


class CudaGraph:
    """What a function does on the current stream, recorded and replayed.

    Args:
        pool: torch's handle of the memory that its intermediate results lie in; it may be shared with graphs that never
            run at the same time.
    """

    def __init__(self, pool: Any) -> None:
        self._pool, self._graph = pool, torch.cuda.CUDAGraph()
        self._stream = torch.cuda.current_stream()

    def capture(self, body: Body) -> None:
        """As ``Graph.capture``, on a stream that is not the default one, and on which the same was done before."""
        with _capturing, _no_collection():
            # Other threads may do as they like: what they launch is on other streams.
            self._graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                body()
            except BaseException:  # raised again
                self._end_broken()
                raise
            try:
                self._graph.capture_end()
            except BaseException:  # raised again
                self._end_pool()
                raise

    def replay(self) -> None:
        """As ``Graph.replay``, on the current stream."""
        self._graph.replay()

    def reset(self) -> None:
        """As ``Graph.reset``, once it no longer runs."""
        self._stream.synchronize()
        self._graph.reset()

    def _end_broken(self) -> None:
        """End a capture that was broken off, whose stream may have stopped to record already."""
        try:
            self._graph.capture_end()
        except RuntimeError:
            self._end_pool()

    def _end_pool(self) -> None:
        """Take back what an ending that failed has left: that memory is taken from the graph's pool."""
        with suppress(RuntimeError):  # where it was taken back
            device = self._stream.device_index
            torch._C._cuda_endAllocateToPool(device, self._pool)
            torch._C._cuda_releasePool(device, self._pool)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let no garbage be collected: to destroy what is CUDA's would break a capture off."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Work on a stream of a GPU that is this thread's meanwhile, after all that was begun on the one before; on a CPU
    there is none.

    One that another has done with is taken again: freed memory is used again by the stream alone that it was taken on,
    and each has room of its own for products.
    """
    if device.type != "cuda":
        yield
        return
    idle = _idle.setdefault(device, [])
    try:
        stream = idle.pop()
    except IndexError:
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        idle.append(stream)


def release_cached() -> None:
    """Give unused memory of the GPU back, which must not happen while any thread captures."""
    with _capturing:
        torch.cuda.empty_cache()
