"""Whether the gradient lives before training, and whether it does what theory predicts."""

import math

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.theory.agreement import power
from ablation.reporting.theory.slopes import POWER
from ablation.reporting.theory.verdicts import Verdict
from ablation.reporting.wording.phrases import names
from ablation.reporting.wording.reasons import reasons_text


def gradients(analysis: Analysis) -> list[str]:
    """Which activations with which initializers start with a vanishing or exploding gradient at the deepest depth."""
    design = analysis.design
    cells = analysis.tuned[analysis.tuned["depth"] == design.deepest]
    by = ["activation", "init", "normalization"]
    first = analysis.profiles[analysis.profiles["probe"] == "first"]
    frame = first.merge(cells[by], left_on="row", right_index=True)
    if design.deepest == 1:
        return []
    gone = len(cells) - len(frame)
    if frame.empty:
        return [
            f"At depth {design.deepest}, {'the only cell' if gone == 1 else f'all {gone:,} cells'} diverged "
            "before the gradient was first measured."
        ]
    texts = []
    unseen = f"; {gone:,} more diverged before it was first measured" if gone else ""
    shares = frame.groupby(by, observed=True)[["vanishing", "exploding"]].mean().reset_index()
    for kind, limit in (("vanishing", "below 1e-3"), ("exploding", "above 1e3")):
        rows = shares[shares[kind] > 0.5]
        where = f"Before training at depth {design.deepest}, the gradient is {kind} (first over last layer {limit})"
        if rows.empty:
            texts.append(f"{where} in no combination of {', '.join(by)} ({plural(len(frame), 'cell')}{unseen}).")
            continue
        listed = [names(design, rows, by, place) for place in range(min(8, len(rows)))]
        more = f", and {len(rows) - 8} more" if len(rows) > 8 else ""
        total = plural(len(shares), "combination")
        texts.append(f"{where} in {len(rows)} of {total}: {'; '.join(listed)}{more}{unseen}.")
    return texts


def beside_theory(analysis: Analysis) -> str:
    """Whether the gradient before training does what theory predicts, where it does not, and where none can tell."""
    design = analysis.design
    rows = analysis.agreement.rows
    counts = rows["verdict"].value_counts()
    told = rows[rows["verdict"].isin((Verdict.AGREES, Verdict.DIFFERS))]
    text = (
        f"Before training, the slope of delta over depth agrees with theory in {counts.get(Verdict.AGREES, 0):,} of "
        f"{plural(len(told), 'comparison')} that can tell{_power(told)}"
    )
    differs = told[told["verdict"] == Verdict.DIFFERS]
    by = ["activation", "init", "normalization", "depth"]
    listed = [
        f"{names(design, differs, by, place)} ({reasons_text(differs['reasons'].iloc[place])})"
        for place in range(min(4, len(differs)))
    ]
    more = f", and {len(differs) - 4} more" if len(differs) > 4 else ""
    if len(differs):
        text += f"; it differs with {'; '.join(listed)}{more}"
    undecided = rows[rows["verdict"] == Verdict.UNDECIDED]
    if len(undecided):
        text += f"; {len(undecided):,} more {_are(undecided)} measured but undecided{_power(undecided)}"
    for verdict, lacking in ((Verdict.UNMEASURED, "no measurement"), (Verdict.UNPREDICTED, "no theory here")):
        if counts.get(verdict, 0):
            text += f"; for {counts[verdict]:,} there is {lacking}"
    return f"{text}."


def _power(rows: pd.DataFrame) -> str:
    """What departure from theory these comparisons could have shown, in brackets; nothing where none was measured."""
    departure, predicted = power(rows)
    if math.isnan(departure):
        return ""
    return (
        f" (a departure of {departure:.2g} decades a layer would show with probability {POWER:.0%}; "
        f"the predicted slope is {predicted:.2g}{'; both medians' if len(rows) > 1 else ''})"
    )


def _are(rows: pd.DataFrame) -> str:
    return "is" if len(rows) == 1 else "are"
