"""What each choice does against the baseline, in a sentence a factor."""

from typing import Any

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, digits, plural
from ablation.reporting.findings.strongest import rows_of
from ablation.reporting.statistics.against import ALL, CLEAR, COPIES, deepest
from ablation.reporting.statistics.censoring import MUCH
from ablation.reporting.wording.baseline import baseline_text
from ablation.reporting.wording.phrases import listed, words

NAMED = 4
"""Most levels named of a factor, those furthest from the reference."""


def against_baseline(analysis: Analysis) -> list[str]:
    """At the deepest depth, which levels differ from the baseline's in time and in the final test score."""
    design, frame = analysis.design, analysis.against_reference
    texts = []
    for factor, part in frame.groupby("factor", sort=False):
        depth, own = deepest(part, design)
        time, score = (own[own["response"] == response] for response in ("rmst", "test_accuracy"))
        said = [
            text
            for rows, unit, scale, what in (
                (time, design.unit, 1.0, "restricted mean time to the target"),
                (score, design.score.unit, design.score.scale, design.score.test),
            )
            if len(rows) and (text := told(design, rows, unit, scale, what))
        ]
        at = "Of all depths" if depth == ALL else f"At {words(design, 'depth', depth)}"
        with_ = baseline_text(design, but=str(factor))
        beside = f" with {with_}" if with_ else ""
        base = words(design, str(factor), design.baseline[str(factor)])
        texts.append(f"{at}, against {base}{beside}: {'; '.join(said)}.")
    if texts:
        tests = frame["p"].notna()
        clear = int((frame["evidence"] == CLEAR).sum())
        texts[-1] += (
            f" {clear:,} of {plural(int(tests.sum()), 'comparison')} with the baseline, every one counted, "
            f"{'is' if clear == 1 else 'are'} clear."
            if tests.any()
            else " One seed: no interval, so no evidence either way."
        )
    return texts


def told(design: Design, rows: pd.DataFrame, unit: str, scale: float, what: str) -> str:
    """The levels that clearly differ, the furthest first, and how many others there are."""
    clear = rows[rows["evidence"] == CLEAR]
    clear = clear.loc[clear["difference"].abs().sort_values(ascending=False, kind="stable").index]
    shown = [each(design, row, scale) for row in rows_of(clear.head(NAMED))]
    more = len(clear) - len(shown)
    copies = rows[rows["evidence"] == COPIES]
    same = [words(design, row["factor"], row["level"]) for row in rows_of(copies.head(NAMED))]
    again = f" ({listed(same)}: the same runs to the bit)" if same else ""
    if not shown:
        return f"no level clearly differs in {what}{again}"
    rest = len(rows) - len(clear) - len(copies)
    of = f" {unit}" if unit else ""
    text = f"in {what}, {listed(shown)}{of}" + (f" and {more} more" if more else "")
    if (clear.loc[clear["response"] == "rmst", ["censored", "reference_censored"]] > MUCH).any(axis=None):
        text += " (or further: many cells never arrive)"
    return text + (f", {rest} of {len(rows)} not clearly" if rest else "") + again


def each(design: Design, row: dict[str, Any], scale: float) -> str:
    """A level with how far it lies from the reference."""
    size = digits(scale * row["difference"], sign="+")
    ends = [scale * row[f"difference_{end}"] for end in ("low", "high")]
    bounds = "" if np.isnan(ends[0]) else f" [{', '.join(digits(end, sign='+') for end in ends)}]"
    return f"{words(design, row['factor'], row['level'])} {size}{bounds}"
