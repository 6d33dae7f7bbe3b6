"""The learning rates of a level of the factor optimizer: its own, or else those of the factor lr.

One list of rates cannot serve rules whose steps differ in size: what Adam does at 0.001, gradient descent does at 0.1.
So a level may bring its own, as ``optimizer.momentum.lr=[0.01,0.1]``; they take the place of the factor for that level,
and are no setting of the rule, which is handed a rate in any case.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from ablation import UserError
from ablation.levels import shown
from ablation.studies import checks

FACTOR, KEY = "optimizer", "lr"

RATE = Annotated[float, "(0, inf)"]


def own_rates(factor: str, label: str, given: object) -> list[float] | None:
    """Return the rates that a level brings; None where it leaves them to the factor.

    Raises:
        UserError: as of the factor: one of them is no positive number, stands there twice, or there is none.
    """
    if factor != FACTOR or not isinstance(given, Mapping) or given.get(KEY) is None:
        return None
    return checks.numbers(f"{FACTOR}.{label}.{KEY}", given[KEY], RATE)


def without_rates(factor: str, given: object) -> object:
    """Return what a level says of the rule itself."""
    if factor != FACTOR or not isinstance(given, Mapping):
        return given
    return {name: value for name, value in given.items() if name != KEY}


def refuse_unused(rates: Mapping[str, Any], optimizers: Iterable[str], overrides: Sequence[str]) -> None:
    """Refuse a factor lr on the command line that no level takes: it would be passed over in silence.

    Raises:
        UserError: naming the levels that have their own rates.
    """
    given = next((word for word in overrides if word.lstrip("+~").partition("=")[0] == KEY), None)
    if given is not None and set(rates) == set(optimizers):
        keys = [f"{FACTOR}.{label}.{KEY}" for label in rates]
        raise UserError(
            f"{shown(given)}: every level of {FACTOR} brings its own rates; allowed are {', '.join(keys)}, "
            f"and null for one that is to take those of {KEY}"
        )
