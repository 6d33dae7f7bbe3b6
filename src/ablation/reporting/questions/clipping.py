"""Does clipping replace batch normalization? Neither, either alone, and both.

Measured: the restricted mean time to the target at the tuned learning rate, and the share of runs that diverge over all
learning rates, which is what clipping is for (Pascanu et al. 2013). Of several clippings the one with the least mean
time is taken, which flatters clipping a little.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import batches, of_kind, unlike_zeros
from ablation.reporting.asking.lacking import lacking_of, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design, digits
from ablation.reporting.figures.lettering import named, worded
from ablation.reporting.figures.panels import dots, grid, level_key, no_cells
from ablation.reporting.figures.room import LINES, across, fitting
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text, full_difference
from ablation.reporting.wording.phrases import words

TOPIC = "Does clipping replace batch normalization?"
NAME = "question_clipping"
PAIR = ("normalization", "clipping")


def ask(analysis: Analysis) -> Question:
    """Clipping alone against batch normalization alone, at the deepest depth."""
    design = analysis.design
    if why := obstacle(analysis, *PAIR):
        return unanswered(NAME, TOPIC, why)
    plain = {factor: of_kind(analysis, factor, "none")[:1] for factor in PAIR}
    batch = (batches(analysis) or of_kind(analysis, "normalization", "batch"))[:1]
    clips = [level for level in design.levels["clipping"] if level not in of_kind(analysis, "clipping", "none")]
    lacks = {
        "no normalization": (not plain["normalization"], "+normalization.none={}"),
        "batch normalization": (not batch, "+normalization.batch={}"),
        "no clipping": (not plain["clipping"], "+clipping.none={}"),
        "a clipping": (not clips, "+clipping.global_norm={}"),
    }
    if missing := lacking_of(lacks):
        return unanswered(NAME, TOPIC, missing)
    cells, held = hold(design, unlike_zeros(analysis, analysis.cells), ("init", "activation", "depth", *PAIR))
    bare, off = plain["normalization"][0], plain["clipping"][0]
    cells = cells[cells["normalization"].isin([bare, batch[0]])]
    cells = cells.assign(gone=cells["diverged"].astype(float))
    deep = cells[cells["depth"] == present(cells, "depth")[-1]]
    alone = deep[deep["tuned"] & (deep["normalization"] == bare) & deep["clipping"].isin(clips)]
    best = alone.groupby("clipping", observed=True)["time"].mean()
    if best.empty:
        return unanswered(NAME, TOPIC, "No cell at the largest depth is clipped without batch normalization.")
    clip = next(level for level in clips if best.get(level, np.inf) == best.min())
    pairs = {
        "neither": (bare, off),
        "clip": (bare, clip),
        "batch": (batch[0], off),
        "both": (batch[0], clip),
    }
    return Question(TOPIC, *answer(analysis, deep, pairs, len(best)), "", view(analysis, cells, pairs, held))


def compare(
    analysis: Analysis, cells: pd.DataFrame, value: str, first: tuple[Label, Label], second: tuple[Label, Label]
) -> Difference | None:
    """The mean of the first pair of levels minus the second's: times tuned, divergence at equal learning rates."""
    equal = value == "gone"
    chosen = cells if equal else cells[cells["tuned"]]
    groups = within(chosen, first), within(chosen, second)
    return analysis.paired(chosen, value, groups, PAIR, analysis.design.nuisance if equal else ())


def within(cells: pd.DataFrame, pair: tuple[Label, Label]) -> pd.Series:
    """Which cells have this normalization and this clipping."""
    return (cells["normalization"] == pair[0]) & (cells["clipping"] == pair[1])


def answer(
    analysis: Analysis, cells: pd.DataFrame, pairs: dict[str, tuple[Label, Label]], clips: int
) -> tuple[str, list[str]]:
    """The sentence, and what it rests on."""
    design, unit = analysis.design, analysis.design.unit
    gain = compare(analysis, cells, "time", pairs["batch"], pairs["neither"])
    other = compare(analysis, cells, "time", pairs["clip"], pairs["neither"])
    direct = compare(analysis, cells, "time", pairs["clip"], pairs["batch"])
    if gain is None or other is None or direct is None:
        return "No cells with either alone and with neither that agree in everything else: nothing can be compared.", []
    if gain.sign >= 0:
        lead = "There is nothing to replace: batch normalization alone is not clearly better than neither"
    elif direct.sign > 0 and other.sign < 0:
        lead = f"In part: clipping alone gains {other.mean / gain.mean:.0%} of what batch normalization alone does"
    elif direct.sign > 0:
        lead = "No: clipping alone does clearly worse than batch normalization alone"
    elif direct.sign < 0:
        lead = "Yes, and more: clipping alone does clearly better than batch normalization alone"
    else:
        lead = "It may: between either alone there is no clear difference, which is no proof that there is none"
    batch, clip = words(design, "normalization", pairs["batch"][0]), words(design, "clipping", pairs["clip"][1])
    depth = words(design, "depth", present(cells, "depth")[-1])
    text = f"{lead}; at {depth}, the restricted mean time with {clip} alone differs from that with {batch} alone by "
    text += f"{full_difference(direct, unit)}."
    times = {name: cells.loc[cells["tuned"] & within(cells, pair), "time"].mean() for name, pair in pairs.items()}
    chosen = f", the soonest of {clips} clippings," if clips > 1 else ""
    evidence = [
        f"It is {digits(times['neither'])} {unit} with neither, {digits(times['clip'])} with {clip} alone{chosen} "
        f"({difference_text(other, unit)}), {digits(times['batch'])} with {batch} alone ({difference_text(gain, unit)})"
    ]
    if added := compare(analysis, cells, "time", pairs["both"], pairs["batch"]):
        evidence[0] += f", and {digits(times['both'])} with both (against {batch} alone {difference_text(added, unit)})"
    evidence[0] += "."
    lost = {name: cells.loc[within(cells, pair), "gone"].mean() for name, pair in pairs.items()}
    calm = compare(analysis, cells, "gone", pairs["clip"], pairs["neither"])
    stops = f" ({difference_text(calm, 'points', 100)})" if calm else ""
    steps = cells.loc[cells["tuned"] & within(cells, pairs["clip"]), "clip_share"].mean()
    clipped = f"; {steps:.0%} of the tuned cells' steps are clipped" if np.isfinite(steps) else ""
    evidence.append(
        f"Divergence, over all that was tuned over: {lost['neither']:.0%} of the runs with neither, {lost['clip']:.0%} "
        f"with {clip} alone{stops}, {lost['batch']:.0%} with {batch} alone{clipped}."
    )
    return text, evidence


def view(analysis: Analysis, cells: pd.DataFrame, pairs: dict[str, tuple[Label, Label]], held: str) -> View:
    """Restricted mean and share of diverged runs for neither, either and both, a column per depth."""
    design = analysis.design
    most = min(LINES, len(present(cells, "activation")))
    columns = few(present(cells, "depth"), fitting(across(4, most), 3))
    cells = cells[cells["depth"].isin(columns)]
    cells = cells[np.logical_or.reduce([within(cells, pair) for pair in pairs.values()])]
    which = np.select([within(cells, pair) for pair in pairs.values()], list(pairs), "")
    cells = cells.assign(which=pd.Categorical(which, categories=list(pairs), ordered=True))
    by = ["depth", "which", "activation"]
    frame = pd.concat(
        [
            with_interval(analysis, cells[cells["tuned"]], by, "time", most=design.horizon).assign(measure="time"),
            with_interval(analysis, cells, by, "gone").assign(measure="gone"),
        ],
        ignore_index=True,
    )
    frame["name"] = frame["which"].astype(object).map(titles(design, pairs))
    tuned = cells[cells["tuned"] & (cells["depth"] == columns[-1])]
    reach = {name: tuned.loc[within(tuned, pair), "reached"].mean() for name, pair in pairs.items()}
    title = (
        f"At {words(design, 'depth', columns[-1])}, {reach['clip']:.0%} of cells reach the target with clipping alone, "
        f"{reach['batch']:.0%} with batch normalization alone, {reach['neither']:.0%} with neither"
    )
    caption = (
        f"Above: restricted mean time to {design.goal}, {tuning_text(analysis)}. Below: share of runs that diverge, "
        f"over all settings that were tuned over. Alone stand {words(design, 'clipping', pairs['clip'][1])} and "
        f"{words(design, 'normalization', pairs['batch'][0])}. {seeds_text(design)}, pooled over initializers; bar: "
        f"{interval_text(analysis)}.{held}{left_out(design, 'depth', columns)}"
    )
    frame, some = thinned(design, frame, "activation", LINES)
    return View(NAME, title, caption + some, f"Points with intervals. {title}.", columns=columns, frame=frame)


def titles(design: Design, pairs: dict[str, tuple[Label, Label]]) -> dict[str, str]:
    """What stands along the figure's axis for each of the pairs."""
    clip, batch = ("clipping", pairs["clip"][1]), ("normalization", pairs["batch"][0])
    said = {**{name: name for name in pairs}, "clip": named(design, *clip, 16), "batch": named(design, *batch, 16)}
    alike = len(set(said.values())) < len(said)
    return {**said, "clip": worded(design, *clip, 16), "batch": worded(design, *batch, 16)} if alike else said


def plot(view: View, design: Design) -> Figure:
    """Neither, either and both along, a color per activation; times above shares."""
    frame = view.frame.assign(activation=view.frame["activation"].cat.remove_unused_categories())
    activations, which = (list(frame[name].cat.categories) for name in ("activation", "which"))
    said = dict(zip(frame["which"], frame["name"], strict=True))
    names = [said.get(name, name) for name in which]
    shape = View(view.name, view.title, rows=("time", "gone"), columns=view.columns)
    figure, axes = grid(shape, across(4, len(activations)), 1.8, sharex=True, sharey="row")
    style = styles(design, "activation")
    for row, measure in zip(axes, shape.rows, strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            part = frame[(frame["depth"] == depth) & (frame["measure"] == measure)]
            no_cells(axis, part)
            dots(axis, part, "which", "activation", style, names)
            if measure == "time":
                axis.set(title=worded(design, "depth", depth), ylim=(0, design.horizon * 1.04 or 1))
            else:
                axis.set_ylim(-0.03, 1.03)
                axis.yaxis.set_major_formatter(PercentFormatter(1))
    axes[0, 0].set_ylabel(f"restricted mean ({design.unit})")
    axes[1, 0].set_ylabel("runs that diverge")
    level_key(figure, design, "activation", activations, style, line=False)
    return figure
