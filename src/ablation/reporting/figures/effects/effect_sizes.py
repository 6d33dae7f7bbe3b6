"""How much each factor and each pair of factors matters: partial omega squared with its interval, the largest first."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.panels import grid, key
from ablation.reporting.figures.theme import INK, PALETTE
from ablation.reporting.figures.view import View
from ablation.reporting.statistics.anova import interactions
from ablation.reporting.wording.captions import UNTRAINED, confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import response as response_text
from ablation.reporting.wording.remarks import note_text

TOPIC = "How much each choice matters"
MOST = 24
"""Most terms shown."""
LEAST = 0.05
"""Terms whose p-value after Holm's correction is no smaller are drawn hollow."""


def show(analysis: Analysis) -> View:
    """Every term of both responses, in the order of the first that has any."""
    design, name = analysis.design, "effect_sizes"
    heading = "How much each choice matters"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    found = [effects for effects in analysis.effects if effects.response.name != "rmst"]  # of time is told already
    told = [effects for effects in found if len(effects.table)]
    if not told:
        why = [note for effects in found for note in effects.notes]
        return View(name, heading, why=note_text(why[0]) if why else "There is no effect to estimate.")
    order = told[0].table["term"].tolist()
    shown = order[:MOST]
    parts = [
        effects.table[effects.table["term"].isin(shown)].assign(response=effects.response.name) for effects in told
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["place"] = frame["term"].map({term: place for place, term in enumerate(shown)})
    first = told[0].table
    top = " and ".join(f"{row.term} ({row.omega_sq:.2f})" for row in first.head(2).itertuples())
    title = (
        f"For {response_text(design, told[0].response.name)}, {top} {'matters' if len(first) == 1 else 'matter'} most"
    )
    if not (first["p_holm"] < LEAST).any():
        title = f"For {response_text(design, told[0].response.name)}, no effect is sure; the largest are of {top}"
    pairs = first[interactions(first) & (first["p_holm"] < LEAST)]
    if len(pairs) and pairs["term"].iloc[0] not in first["term"].head(2).tolist():
        title += f"; of the interactions, {pairs['term'].iloc[0]} ({pairs['omega_sq'].iloc[0]:.2f})"
    left = f" {len(shown)} of {len(order)} terms are shown." if len(shown) < len(order) else ""
    lacking = [effects for effects in found if effects.table.empty]
    missing = " ".join(
        f"No {response_text(design, effects.response.name)}: {note_text(effects.notes[0])}" for effects in lacking
    )
    percent = confidence_text(analysis.options)
    interval = f"bars: its jackknife {percent} interval over {seeds_text(design)}"
    if frame["omega_low"].isna().all():
        interval = "no interval: with one seed fewer nothing is left to judge by"
    caption = (
        "Partial omega squared, a term's share of its own and the error's variance, of main effects and two-way "
        f"interactions (type II, seeds as blocks); {interval}. Hollow: p of {LEAST:g} or more against the "
        f"interaction with the seed after Holm's correction, or no test. Of the time to target by the log-normal "
        f"accelerated failure time model. {plural(len(analysis.tuned), 'cell')}, {tuning_text(analysis)}.{left} "
        f"{missing}"
    )
    alt = f"Points with intervals, a row a term. {title}."
    return View(name, title, caption.strip(), alt, columns=[effects.response.name for effects in told], frame=frame)


def plot(view: View, design: Design) -> Figure:
    """A row a term, a panel a response; main effects and interactions in two colors."""
    terms = view.frame.drop_duplicates("place").sort_values("place")["term"].tolist()
    margin = 0.8 + 0.07 * max(len(term) for term in terms)
    shape, height = View(view.name, view.title, columns=view.columns), max(0.7, 0.19 * len(terms))
    figure, axes = grid(shape, 2.6 if len(view.columns) < 3 else 2.1, height, margin, sharey=True)
    for axis, response in zip(axes[0], view.columns, strict=True):
        part = view.frame[view.frame["response"] == response]
        pair = interactions(part).to_numpy()
        sure = (part["p_holm"] < LEAST).to_numpy()
        low, high = part["omega_low"].to_numpy(), part["omega_high"].to_numpy()
        size, place = np.maximum(part["omega_sq"].to_numpy(), 0), part["place"].to_numpy()
        for kind, color in ((~pair, PALETTE[0]), (pair, PALETTE[1])):
            axis.hlines(place[kind], low[kind], high[kind], color=color, lw=1.4, alpha=0.7)
            for filled in (True, False):
                some = kind & (sure == filled)
                look: dict[str, Any] = {"color": color, "markerfacecolor": color if filled else "w"}
                axis.plot(size[some], place[some], ls="", marker="o", ms=4.5, **look)
        axis.set(xlim=(-0.02, 1.02), ylim=(len(terms) - 0.5, -0.5), title=response_text(design, str(response)))
        axis.set_xlabel("partial omega squared")
        axis.set_yticks(range(len(terms)), terms)
        axis.grid(visible=False, axis="y")
    marks = [
        Line2D([], [], ls="", marker="o", color=PALETTE[0]),
        Line2D([], [], ls="", marker="o", color=PALETTE[1]),
        Line2D([], [], ls="", marker="o", color=INK, markerfacecolor="w"),
    ]
    key(figure, marks, ["main effect", "interaction", f"p not below {LEAST:g}"])
    return figure
