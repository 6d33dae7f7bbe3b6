"""How many cells have diverged, read when that has long been known, so that nothing is waited for."""

import torch
from torch import Tensor


class Tally:
    """Counts the cells that have diverged, one count behind.

    On a GPU that is given its work ahead of time, to read a number is to wait for all that was given. The count before
    is known as soon as the work behind it has begun.

    Args:
        device: where the cells are.
    """

    def __init__(self, device: torch.device) -> None:
        on_gpu = device.type == "cuda"
        self._count = torch.zeros((), dtype=torch.int64, pin_memory=on_gpu)
        self._is_there = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]

    def before(self) -> int:
        """Return the last count that was asked for; 0 where none was."""
        if self._is_there is not None:
            self._is_there.synchronize()
        return int(self._count)

    def count(self, diverged_S: Tensor) -> None:
        """Ask for a count of the cells that have diverged by now."""
        self._count.copy_((diverged_S >= 0).sum(), non_blocking=True)
        if self._is_there is not None:
            self._is_there.record()
