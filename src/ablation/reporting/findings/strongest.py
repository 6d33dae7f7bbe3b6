"""What the study says of its effects: which choices matter most, together with which, and which level is the best.

Each sentence is computed from the analysis, and says how sure it is: an effect is called so where its p-value
after Holm's correction is below 5%; an interval that reaches zero, an effect that differs from seed to seed, and a
winner that is the best with a chance of less than 95% are named as weak.
"""

from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.statistics.anova import interactions
from ablation.reporting.statistics.responses import Effects
from ablation.reporting.statistics.winners import Winner
from ablation.reporting.wording.phrases import RESPONSES, words
from ablation.reporting.wording.remarks import censoring_text, notes_by_term

SURE, LIKELY = 0.05, 0.95
NAMED = 3
"""Most effects named of a kind."""


def strongest_choices(analysis: Analysis) -> list[str]:
    """The sentences, the most general first."""
    return [
        *(text for found in analysis.effects for text in strongest(found)),
        *ratios(analysis),
        *best_levels(analysis),
        *([censoring_text(analysis.censoring)] if analysis.censoring.much else []),
    ]


def strongest(found: Effects) -> list[str]:
    """The largest main effects and interactions on one response, with what speaks against them."""
    rows, response = found.table[found.table["omega_sq"].notna()], RESPONSES[found.response.name]
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
            top = described(rows_of(part)[0])
            texts.append(f"Of {kind}, none is sure to matter for {response}; the largest effect is of {top}.")
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
    if row["p_seeds"] < SURE:
        cautions.append("differs from seed to seed")
    return f"{text} ({'; '.join(cautions)})" if cautions else text


def ratios(analysis: Analysis) -> list[str]:
    """By what factor the best level of each sure choice changes the time to target against its reference."""
    found, means, texts = analysis.effects[0], analysis.marginal_means, []
    for factor in found.table.loc[found.table["p_holm"] < SURE, "term"]:
        own = (means["response"] == found.response.name) & (means["factor"] == factor)
        part = means[own & means["ratio"].notna()]
        if factor == "depth" or part.empty:
            continue
        best = part.loc[part["ratio"].idxmin()]
        level, reference = (analysis.design.short(factor, best[name]) for name in ("level", "reference"))
        bounds = ""
        unsure = " (one seed: no interval)" if analysis.design.seeds == 1 else ""
        if not np.isnan(best["ratio_low"]):
            bounds = f" [{best['ratio_low']:.2f}, {best['ratio_high']:.2f}]"
            unsure = ", no clear difference" if best["ratio_low"] <= 1 <= best["ratio_high"] else ""
        if best["ratio"] < 1:
            said = f"{level} takes {best['ratio']:.2f}{bounds} times the epochs of {reference}"
        else:
            said = f"no level is faster than {reference}; {level} takes {best['ratio']:.2f}{bounds} times"
        texts.append(f"{factor}: {said}{unsure}")
    return [f"On geometric average over everything else, {'; '.join(texts)}."] if texts else []


def best_levels(analysis: Analysis) -> list[str]:
    """The best level of each factor at each depth, the sure ones apart from those that may be luck."""
    if analysis.design.seeds == 1:
        return []
    texts = []
    told = [found for found in analysis.winners if found.factor is not None]
    for depth, at_depth in groupby(told, lambda found: found.depth):
        # Where all are alike there is no best.
        unlike = [found for found in at_depth if found.tied < len(found.candidates) - 1]
        sure = [named(analysis, found) for found in unlike if found.chance >= LIKELY]
        open_ = [named(analysis, found, unsure=True) for found in unlike if found.chance < LIKELY]
        said = [f"the best with a chance of at least {LIKELY:.0%}: {', '.join(sure)}"] if sure else []
        said += [f"ahead, but perhaps by luck: {', '.join(open_)}"] if open_ else []
        if said:
            texts.append(f"At depth {depth}, {'; '.join(said)}.")
    return texts


def named(analysis: Analysis, found: Winner, unsure: bool = False) -> str:
    """A winning level with its chance, and where that is unsure with how many cannot be told from it."""
    (factor,), (level,) = found.factors, found.candidates[found.best]
    rivals = f", {len(found.rest) + 1} of {len(found.candidates)} cannot be told apart" if unsure else ""
    return f"{words(analysis.design, factor, level)} ({chance_text(found.chance)}{rivals})"


def chance_text(chance: float) -> str:
    """A chance, rounded down, and never a certainty."""
    return "over 99%" if chance >= 0.99 else f"{int(100 * chance)}%"


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows by name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
