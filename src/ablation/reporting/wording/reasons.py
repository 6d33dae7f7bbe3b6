"""How it is said why theory and measurement agree, differ or cannot be compared."""

from collections.abc import Sequence

import pandas as pd

from ablation.reporting.design import plural
from ablation.reporting.theory.verdicts import Cause, Reason

SAID = {
    Cause.NO_MODEL: "no theory here of {name}",
    Cause.NO_NORMALIZATION: "no theory here for the normalization {name}",
    Cause.SILENT: "weights are zero: delta is zero before the last layer, as measured",
    Cause.NOT_SILENT: "weights are zero: delta is zero before the last layer, not so here",
    Cause.SHALLOW: "too shallow for a slope: {layers}{left_out}",
    Cause.DIVERGED: "diverged before the first probe",
    Cause.NO_DELTA: "delta is zero or not finite in {0} of {1} layers",
    Cause.LENGTHS: "lengths: the last layer's is {0:.2g} times the predicted; with the measured ones they agree",
    Cause.LATE: "settles late: from layer {0} on they agree",
    Cause.TOO_DEEP: "narrow for its depth: the theory of a wide layer does not hold",
    Cause.UNEXPLAINED: "unexplained",
    Cause.TOO_NARROW: "too narrow: a slope of none would pass as well",
    Cause.OUTSIDE: "outside the interval over seeds, within what this width allows",
}
"""Each cause in words, with places for the reason's numbers and name."""


def reason_text(reason: Reason) -> str:
    """A reason in words."""
    words = {"name": reason.name}
    if reason.cause is Cause.SHALLOW:
        depth, aside = reason.numbers
        words |= {"layers": plural(depth, "layer"), "left_out": f", the first {aside} left out" if aside else ""}
    return SAID[reason.cause].format(*reason.numbers, **words)


def reasons_text(reasons: Sequence[Reason]) -> str:
    """All reasons of a verdict, or nothing."""
    return "; ".join(map(reason_text, reasons))


def explained(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of an ``Agreement`` with ``why``, their reasons in words."""
    return rows.drop(columns="reasons").assign(why=rows["reasons"].map(reasons_text))
