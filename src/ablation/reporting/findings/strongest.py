"""What the study says of its effects: which choices matter most, together with which, and which level is the best.

Each sentence is computed from the analysis, and says how sure it is: an effect is called so where its p-value
after Holm's correction over all tests is below 5%, and a level is called the best where no other can be told from it.
"""

from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.options import PROBLEMS
from ablation.reporting.statistics.anova import interactions
from ablation.reporting.statistics.responses import Effects
from ablation.reporting.statistics.winners import Winner
from ablation.reporting.wording.phrases import response as response_text
from ablation.reporting.wording.phrases import words
from ablation.reporting.wording.remarks import censoring_text, notes_by_term

SURE = 0.05
SMALL = 0.005
"""A partial omega squared below this is shown as zero: there is no largest effect to name."""
NAMED = 3
"""Most effects named of a kind."""


def strongest_choices(analysis: Analysis) -> list[str]:
    """The sentences, the most general first; where no cell arrives, none of times."""
    arrive = analysis.censoring.whole < 1
    return [
        *(
            text
            for found in analysis.effects
            if found.response.name not in ("rmst", *([] if arrive else [analysis.design.unit]))
            for text in strongest(analysis.design, found)
        ),
        *ratios(analysis),
        *best_levels(analysis),
        *([censoring_text(analysis.design, analysis.censoring)] if analysis.censoring.much and arrive else []),
    ]


def strongest(design: Design, found: Effects) -> list[str]:
    """The largest main effects and interactions on one response, with what speaks against them."""
    rows, response = found.table[found.table["omega_sq"].notna()], response_text(design, found.response.name)
    if rows.empty:
        why = list(notes_by_term(found.notes).values())
        return [f"For {response} no effect is estimated: {why[0]}"] if why else []
    pairs = interactions(rows)
    texts = []
    for kind, part in (("single choices", rows[~pairs]), ("pairs of choices", rows[pairs])):
        if part.empty:
            continue
        sure = part[part["p_holm"] < SURE]
        if sure.empty:
            largest = rows_of(part)[0]
            rest = f"; the largest effect is of {described(largest)}" if largest["omega_sq"] >= SMALL else ""
            texts.append(f"Of {kind}, none is sure to matter for {response}{rest}.")
            continue
        listed = "; ".join(described(row) for row in rows_of(sure.head(NAMED)))
        rest = f" {len(part) - len(sure)} of {len(part)} cannot be told from none." if len(sure) < len(part) else ""
        texts.append(f"Of {kind}, these matter most for {response} (partial omega squared): {listed}.{rest}")
    return texts


def described(row: dict[str, Any]) -> str:
    """A term with its size, interval, p-value, and a word of caution where it is due."""
    # The estimate falls below zero where there is less than chance would bring; what it estimates cannot.
    text = f"{row['term']} {max(row['omega_sq'], 0.0):.2f}"
    if not np.isnan(row["omega_low"]):
        text += f" [{row['omega_low']:.2f}, {row['omega_high']:.2f}]"
    p = row["p_holm"]
    text += ", not tested" if np.isnan(p) else ", p < 0.001" if p < 0.001 else f", p = {p:.2g}"
    cautions = []
    if np.isnan(row["omega_low"]):
        cautions.append("no interval")
    elif row["omega_low"] <= 0:
        cautions.append("weak: the interval reaches zero")
    return f"{text} ({'; '.join(cautions)})" if cautions else text


def ratios(analysis: Analysis) -> list[str]:
    """By what factor the best level of each sure choice changes the time to target against its reference."""
    found, means, texts = analysis.effects[0], analysis.marginal_means, []
    few = set(analysis.censoring.most)
    for factor in found.table.loc[found.table["p_holm"] < SURE, "term"]:
        own = (means["response"] == found.response.name) & (means["factor"] == factor)
        part = means[own & means["ratio"].notna()]
        if factor in ("depth", *PROBLEMS) or part.empty:
            continue
        first = part["reference"].iloc[0]
        told = part[[(factor, level) not in few for level in part["level"]]]
        if told.empty or (factor, first) in few:
            texts.append(f"{factor}: too few cells reach the target to say by how much")
            continue
        best = told.loc[told["ratio"].idxmin()]
        level, reference = (analysis.design.short(factor, best[name]) for name in ("level", "reference"))
        bounds = ""
        unsure = " (one seed: no interval)" if analysis.design.seeds == 1 else ""
        if not np.isnan(best["ratio_low"]):
            bounds = f" [{best['ratio_low']:.2f}, {best['ratio_high']:.2f}]"
            unsure = ", no clear difference" if best["ratio_low"] <= 1 <= best["ratio_high"] else ""
        if best["ratio"] < 1:
            said = f"{level} takes {best['ratio']:.2f}{bounds} times the {analysis.design.unit} of {reference}"
        else:
            said = f"no level is faster than {reference}; {level} takes {best['ratio']:.2f}{bounds} times"
        texts.append(f"{factor}: {said}{unsure}")
    lead = "By the log-normal accelerated failure time model, on geometric average over everything else"
    return [f"{lead}, {'; '.join(texts)}."] if texts else []


def best_levels(analysis: Analysis) -> list[str]:
    """The best level of each factor at each depth, where it is known, and else those that cannot be told apart."""
    if analysis.design.seeds == 1:
        return []
    texts = []
    told = [found for found in analysis.winners if found.factor is not None]
    for depth, at_depth in groupby(told, lambda found: found.depth):
        # Where all are alike there is no best.
        unlike = [found for found in at_depth if found.tied < len(found.candidates) - 1]
        sure = [named(analysis, found) for found in unlike if found.alone]
        some = [
            ties(analysis, found) for found in unlike if not found.alone and len(found.rest) + 1 < len(found.candidates)
        ]
        none = [found.factor for found in unlike if len(found.rest) + 1 == len(found.candidates)]
        said = [f"the best is {', '.join(sure)}"] if sure else []
        said += [f"among the best, and not to be told apart, are {'; '.join(some)}"] if some else []
        said += [f"no best level can be told of {', '.join(map(str, none))}"] if none else []
        if said:
            texts.append(f"At depth {depth}, {'; '.join(said)}.")
    return texts


def named(analysis: Analysis, found: Winner) -> str:
    """A winning level with its probability of improvement over the runner-up."""
    (factor,), (level,) = found.factors, found.candidates[found.best]
    ends = ""
    if not np.isnan(found.improvement_low):
        ends = f" [{found.improvement_low:.0%}, {found.improvement_high:.0%}]"
    return (
        f"{words(analysis.design, factor, level)} (sooner than the next in {found.improvement:.0%}{ends} of problems)"
    )


def ties(analysis: Analysis, found: Winner) -> str:
    """The levels that cannot be told apart, in the order of their means."""
    (factor,) = found.factors
    return ", ".join(words(analysis.design, factor, found.candidates[place][0]) for place in (found.best, *found.rest))


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows by name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
