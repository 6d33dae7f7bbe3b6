"""How a GPU rounds the factors of its products: one setting of the process, whichever threads train."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_room = threading.Condition()
_inside, _before = 0, False


@contextmanager
def tf32(asked: bool) -> Iterator[None]:
    """Have products round their factors to TF32, or not, until the last of all threads that ask so has left.

    One that asks otherwise waits until then.
    """
    global _inside, _before
    with _room:
        _room.wait_for(lambda: _inside == 0 or torch.backends.cuda.matmul.allow_tf32 == asked)
        if _inside == 0:
            _before = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = asked
        _inside += 1
    try:
        yield
    finally:
        with _room:
            _inside -= 1
            if _inside == 0:
                torch.backends.cuda.matmul.allow_tf32 = _before
                _room.notify_all()
