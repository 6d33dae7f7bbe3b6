"""How a choice's function is called where it is recorded or compared: on small examples, as while a graph is made."""

from collections.abc import Iterator
from contextlib import contextmanager


class CannotTraceError(ValueError):
    """What a function does has no form number by number."""


@contextmanager
def on_examples() -> Iterator[None]:
    """Have whatever a function raises be the reason not to take it: in training it is handed other shapes, and numbers.

    Raises:
        CannotTraceError: it raised something.
    """
    try:
        yield
    except CannotTraceError:
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        raise CannotTraceError(f"fails on small examples ({type(error).__name__}: {first})") from error
