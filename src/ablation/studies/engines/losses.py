"""Cohorts that could not be trained: the rest of the study goes on, and they are named in the end."""

from collections.abc import Sequence

from ablation import UserError
from ablation.studies.cells import Cell
from ablation.studies.engines.cohorts import Cohort

SHOWN = 4
"""Levels of a factor, and cohorts, that are named before the others are only counted."""


class LostError(UserError):
    """Cells that could not be trained, while all others were.

    Attributes:
        told: which, and why, each in words.
    """

    def __init__(self, told: Sequence[str]) -> None:
        super().__init__(
            f"not trained: {'; '.join(told)}; all other cells are kept, and the same command tries these again"
        )
        self.told = told


class Losses:
    """What was lost of these cohorts.

    Args:
        cohorts: all that are trained; what their cells differ in is what names them.
    """

    def __init__(self, cohorts: Sequence[Cohort]) -> None:
        cells = [cell for cohort in cohorts for cell in cohort.cells]
        self._varying = [name for name in cells[0].factors if len({str(cell.factors[name]) for cell in cells}) > 1]
        self._lost: dict[str, list[Cohort]] = {}

    def add(self, cohort: Cohort, reason: str) -> None:
        """Note a cohort, and why it was given up."""
        self._lost.setdefault(reason, []).append(cohort)

    def tell(self) -> None:
        """Say what was lost, if anything was.

        Raises:
            LostError: naming cells and reasons.
        """
        if not self._lost:
            return
        told = []
        for reason, cohorts in self._lost.items():
            names = [self._name(cohort.cells) for cohort in cohorts[:SHOWN]]
            if len(cohorts) > SHOWN:
                names.append(f"{len(cohorts) - SHOWN} cohorts more")
            told.append(f"{'; '.join(names)}: {reason}")
        raise LostError(told)

    def _name(self, cells: Sequence[Cell]) -> str:
        """Return the cells by what tells them from the study's others."""
        levels = {name: list(dict.fromkeys(_told(cell.factors[name]) for cell in cells)) for name in self._varying}
        words = [f"{name}={_list(values)}" for name, values in levels.items()]
        count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        return f"{count} with {' '.join(words)}" if words else f"{count}, {cells[0].name}"


def _told(level: object) -> str:
    return "null" if level is None else str(level)


def _list(values: Sequence[str]) -> str:
    shown = [value if len(value) <= 40 else f"{value[:37]}..." for value in values[:SHOWN]]
    return ",".join(shown) + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
