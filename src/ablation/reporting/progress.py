"""What a report shows of itself while it is made: a bar on a terminal, a line or two elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Drawn = TypeVar("Drawn")


class Progress:
    """The progress of one report, on stderr; without a name nothing is shown.

    Args:
        name: of the study.
        figures: how many are drawn.
    """

    def __init__(self, name: str = "", figures: int = 0) -> None:
        self._on_terminal = bool(name) and sys.stderr.isatty()
        self._bar = tqdm(
            total=figures, unit="figure", desc=name, disable=not self._on_terminal, leave=False, file=sys.stderr
        )
        if name and not self._on_terminal:
            self.tell(f"{name}: reading the results, then {figures} figures are drawn")

    def tell(self, line: str) -> None:
        """Say something that stays, above the bar."""
        tqdm.write(line, file=sys.stderr)

    def now(self, doing: str) -> None:
        """Say what is being done, beside the bar."""
        self._bar.set_postfix_str(doing)

    def count(self, drawn: Iterable[Drawn]) -> Iterator[Drawn]:
        """Yield what is drawn, as it comes."""
        for each in drawn:
            yield each
            self._bar.update()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
