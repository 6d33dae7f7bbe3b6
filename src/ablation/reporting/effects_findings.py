"""What the study says of its effects: which choices matter most, together with which, and which level is the best.

Each sentence is computed from the tables of effects, and says how sure it is: an effect is called so where its p-value
after Holm's correction is below 5%; an interval that reaches zero, an effect that differs from seed to seed, and a
winner that is the best with a chance of less than 95% are named as weak.
"""

from typing import Any

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import raw
from ablation.reporting.tables.terms import MUCH, censoring, effects, marginal_means, winners

SURE, LIKELY = 0.05, 0.95
NAMED = 3
"""Most effects named of a kind."""
SAID = {"epochs": "time to target", "val_loss": "final validation loss"}


def effects_findings(analysis: Analysis) -> list[str]:
    """The sentences, the most general first."""
    table = effects(analysis).frame
    return [
        *(text for response in SAID for text in strongest(table, response)),
        *ratios(analysis, table),
        *best_levels(analysis),
        *much_censored(analysis),
    ]


def strongest(table: pd.DataFrame, response: str) -> list[str]:
    """The largest main effects and interactions on one response, with what speaks against them."""
    rows = table[(table["response"] == response) & table["omega_sq"].notna()]
    if rows.empty:
        why = [note for note in table.loc[table["response"] == response, "note"] if note]
        return [f"For {SAID[response]} no effect is estimated: {why[0]}"] if why else []
    pairs = rows["term"].str.contains(" x ")
    texts = []
    for kind, part in (("single choices", rows[~pairs]), ("pairs of choices", rows[pairs])):
        if part.empty:
            continue
        sure = part[part["p_holm"] < SURE]
        if sure.empty:
            top = described(rows_of(part)[0])
            texts.append(f"Of {kind}, none is sure to matter for {SAID[response]}; the largest effect is of {top}.")
            continue
        named = "; ".join(described(row) for row in rows_of(sure.head(NAMED)))
        rest = f" {len(part) - len(sure)} of {len(part)} cannot be told from none." if len(sure) < len(part) else ""
        texts.append(f"Of {kind}, these matter most for {SAID[response]} (partial omega squared): {named}.{rest}")
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


def ratios(analysis: Analysis, table: pd.DataFrame) -> list[str]:
    """By what factor the best level of each sure choice changes the time to target against its reference."""
    rows = table[(table["response"] == "epochs") & (table["p_holm"] < SURE)]
    means = marginal_means(analysis).frame
    texts = []
    for factor in rows["term"]:
        part = means[(means["response"] == "epochs") & (means["factor"] == factor) & means["ratio"].notna()]
        if factor == "depth" or part.empty:
            continue
        best = part.loc[part["ratio"].idxmin()]
        shown = {raw(level): analysis.design.short(factor, level) for level in analysis.design.levels[factor]}
        level, reference = shown[best["level"]], shown[best["reference"]]
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
    texts = []
    table = winners(analysis)
    frame = table.frame.assign(winner=table.frame["winner"].replace(dict(table.levels["winner"])))
    if "chance" not in frame or analysis.design.seeds == 1:
        return []
    for depth, part in frame[frame["factor"] != "combination"].groupby("depth", observed=True, sort=False):
        part = part[part["tied"] < part["of"] - 1]
        sure = [f"{row['winner']} ({percent(row['chance'])})" for row in rows_of(part[part["chance"] >= LIKELY])]
        open_ = [
            f"{row['winner']} ({percent(row['chance'])}, {row['contenders']} of {row['of']} cannot be told apart)"
            for row in rows_of(part[part["chance"] < LIKELY])
        ]
        if sure or open_:
            said = [f"the best with a chance of at least {LIKELY:.0%}: {', '.join(sure)}"] if sure else []
            said += [f"ahead, but perhaps by luck: {', '.join(open_)}"] if open_ else []
            texts.append(f"At depth {depth}, {'; '.join(said)}.")
    return texts


def percent(chance: float) -> str:
    """A chance, rounded down, and never a certainty."""
    return "over 99%" if chance >= 0.99 else f"{int(100 * chance)}%"


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows by name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def much_censored(analysis: Analysis) -> list[str]:
    """A warning where so many cells are censored that a mean says little."""
    text = censoring(analysis)
    return [] if text.endswith(f"nowhere more than {MUCH:.0%}.") else [text]
