"""Why is ELU better than ReLU, and is it? Dying units, blocked gradient, smoothness and time to target, each measured.

- dying: the share of dead units (no activation and no gradient on the whole probe batch), mean over layers;
- blocked gradient: the share of unit-samples whose derivative is below 5% of its maximum, mean over layers;
- smoothness: how much the training loss rises again between evaluations, all rises summed, in units of the loss of
  guessing. Every loss counts as at most that of guessing, and so does the time after a divergence. It is compared at
  equal learning rates, not at tuned ones. That is the smoothness of the descent; the curvature of the loss, which
  Clevert et al. (2015) argue from, is not recorded.

A leaky ReLU, where the study has one, stands beside the two: it blocks no gradient and is no smoother.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import of_kind, unlike_zeros
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design, digits, reference
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import along, dots, entitle, grid, level_key, lines, no_cells
from ablation.reporting.figures.room import PLACES
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text, full_difference
from ablation.reporting.wording.phrases import words

TOPIC = "Why is ELU better than ReLU?"
NAME = "question_elu_relu"
TUNED = ""
"""What stands for the normalization where there are none to tell apart."""
MEASURES = {
    "dead": "dead units",
    "blocked": "unit-samples with hardly any gradient",
    "rises": "rises of the training loss",
    "time": "restricted mean ({unit})",
}


def ask(analysis: Analysis) -> Question:
    """ELU against ReLU at the deepest depth, by each of the measures."""
    if why := obstacle(analysis, "activation"):
        return unanswered(NAME, TOPIC, why)
    kinds = {kind: of_kind(analysis, "activation", kind)[:1] for kind in ("relu", "leaky_relu", "elu")}
    what = [kind for kind in ("elu", "relu") if not kinds[kind]]
    if what:
        names = [f"the activation {kind}" for kind in what]
        return unanswered(NAME, TOPIC, lacking(names, [f"+activation.{kind}={{}}" for kind in what]))
    shown = [level for found in kinds.values() for level in found]
    kept = ("init", "activation", "depth", "normalization")
    cells, held = hold(analysis.design, unlike_zeros(analysis, measured(analysis)), kept)
    cells = cells[cells["activation"].isin(shown)]
    # Where the report tunes over normalizations there are none to tell apart.
    rows: list[Label] = [TUNED]
    if "normalization" in analysis.design.nuisance:
        cells = cells.assign(within=TUNED)
    else:
        rows = few(present(cells, "normalization"), 2)
        cells = cells[cells["normalization"].isin(rows)]
        cells = cells.assign(within=cells["normalization"].cat.remove_unused_categories())
        first = reference(rows)
        rows = [first, *(level for level in rows if level != first)]
    text, evidence = answer(analysis, pd.DataFrame(cells[cells["within"] == rows[0]]), shown)
    text += others(analysis, cells, shown, rows)
    return Question(TOPIC, text, evidence, "", view(analysis, cells, shown, rows, held))


def measured(analysis: Analysis) -> pd.DataFrame:
    """All cells with ``dead``, ``blocked`` and ``rises``."""
    last = analysis.probes[analysis.probes["probe"] == "last"].groupby("row")[["dead_fraction", "saturated_fraction"]]
    units = last.mean().reindex(range(len(analysis.cells)))
    return analysis.cells.assign(
        dead=units["dead_fraction"],
        blocked=units["saturated_fraction"],
        rises=rises(analysis),
    )


def rises(analysis: Analysis) -> Floats:
    """All rises of the training loss between evaluations, summed, in units of the loss of guessing, per cell.

    The loss is capped at that of guessing, and stays there once a cell has diverged. NaN without an evaluation.
    """
    cells, curves = analysis.cells, analysis.curves
    cap, row = cells["guessing"].to_numpy(), curves["row"].to_numpy()
    loss = np.nan_to_num(curves["train_loss"].to_numpy().astype(float) / cap[row], nan=np.inf)
    loss = np.where(np.isfinite(cap[row]), np.minimum(loss, 1.0), np.nan)
    up = np.where(row[1:] == row[:-1], np.maximum(np.diff(loss), 0.0), 0.0)
    total = np.bincount(row[1:], weights=up, minlength=len(cells)).astype(float)
    end = np.full(len(cells), np.nan)
    end[row] = loss  # rows are sorted by step: the last one stays
    return np.asarray(total + np.where(cells["diverged"], 1.0 - end, 0.0 * end))


def compare(analysis: Analysis, cells: pd.DataFrame, measure: str, levels: tuple[Label, Label]) -> Difference | None:
    """The first activation's mean minus the second's; rises at equal learning rates, all else at tuned ones."""
    equal = measure == "rises"
    chosen = cells if equal else cells[cells["tuned"]]
    groups = chosen["activation"] == levels[0], chosen["activation"] == levels[1]
    return analysis.paired(chosen, measure, groups, ("activation",), analysis.design.nuisance if equal else ())


def answer(analysis: Analysis, cells: pd.DataFrame, shown: list[Label]) -> tuple[str, list[str]]:
    """The sentence, and what it rests on."""
    design, relu, elu, depths = analysis.design, shown[0], shown[-1], present(cells, "depth")
    name = {level: design.short("activation", level) for level in shown}
    deep = cells[cells["depth"] == depths[-1]]
    within = {measure: deep if measure in ("dead", "blocked") else cells for measure in MEASURES}
    found = {measure: compare(analysis, within[measure], measure, (elu, relu)) for measure in MEASURES}
    time = found["time"]
    if time is None:
        return (
            f"No cell with {name[elu]} has one with {name[relu]} to be compared with.",
            [],
        )
    reasons = {"dead": "fewer dead units", "blocked": "less blocked gradient", "rises": "a smoother descent"}
    seen = [text for measure, text in reasons.items() if (of := found[measure]) and of.sign < 0]
    lead = {-1: "It is better here", 0: "Here it is not clearly better", 1: "Here it is worse"}[time.sign]
    of_three = f"of the three reasons {len(seen)} {'is' if len(seen) == 1 else 'are'} seen"
    text = f"{lead}: with {name[elu]} the restricted mean time to the target differs from that with {name[relu]} "
    text += f"by {full_difference(time, analysis.design.unit)}; {of_three}{': ' if seen else ''}{', '.join(seen)}."
    parts = []
    for measure, what in list(MEASURES.items())[:3]:
        of, chosen = (
            found[measure],
            within[measure] if measure == "rises" else within[measure][within[measure]["tuned"]],
        )
        if of is None:
            parts.append(f"{what}: not measured")
            continue
        own, other = (float(chosen.loc[chosen["activation"] == level, measure].mean()) for level in (elu, relu))
        if measure == "rises":
            parts.append(f"{what} {own:.3g} and {other:.3g} of the loss of guessing ({difference_text(of, '')})")
        else:
            parts.append(f"{what} {own:.1%} and {other:.1%} ({difference_text(of, 'points', 100)})")
    units = f"units at {words(design, 'depth', depths[-1])} after training"
    evidence = [f"{name[elu]} and {name[relu]}, {units}: {'; '.join(parts)}."]
    if len(depths) > 1:
        by_depth = [(depth, compare(analysis, cells[cells["depth"] == depth], "time", (elu, relu))) for depth in depths]
        listed = "; ".join(
            f"{difference_text(of, design.unit)} at {words(design, 'depth', depth)}" for depth, of in by_depth if of
        )
        evidence.append(f"The difference in time by depth: {listed}.")
    for leaky in shown[1:-1]:
        if of := compare(analysis, cells, "time", (leaky, relu)):
            evidence.append(
                f"{name[leaky]}, whose units cannot die and which is no smoother, differs from {name[relu]} in "
                f"time by {difference_text(of, design.unit)}."
            )
    return text, evidence


def others(analysis: Analysis, cells: pd.DataFrame, shown: list[Label], rows: list[Label]) -> str:
    """The same difference in time with each other normalization."""
    text, design = "", analysis.design
    for level in rows[1:]:
        found = compare(analysis, pd.DataFrame(cells[cells["within"] == level]), "time", (shown[-1], shown[0]))
        if found:
            said = {-1: "it is better", 0: "it is not clearly better", 1: "it is worse"}[found.sign]
            text += f" With {words(design, 'normalization', level)} {said}, by {full_difference(found, design.unit)}."
    return text


def view(analysis: Analysis, cells: pd.DataFrame, shown: list[Label], rows: list[Label], held: str) -> View:
    """Dead units and blocked gradient over training at the deepest depth; rises and time to target by depth; with each
    normalization."""
    design, depth = analysis.design, present(cells, "depth")[-1]
    name = {level: design.short("activation", level) for level in shown}
    tuned = cells[cells["tuned"]]
    deep = tuned[tuned["depth"] == depth]
    by = ["within", "activation", "step"]
    units = analysis.layers[analysis.layers["row"].isin(deep.index)]
    parts = []
    for measure, column in (("dead", "dead_fraction"), ("blocked", "saturated_fraction")):
        # A diverged cell stays where it was last seen, or else the lines would end among other cells than they began.
        held_on = units.pivot_table(column, "row", "step").ffill(axis=1).reset_index().melt("row", value_name=measure)
        known = held_on.merge(deep[["within", "activation", "seed"]], left_on="row", right_index=True)
        parts.append(with_interval(analysis, known, by, measure).assign(measure=measure))
    some = few(present(cells, "depth"), PLACES // 2)
    thin = len(some) < len(present(cells, "depth"))
    kept = [part[part["depth"].isin(some)] for part in (cells, tuned)]
    of_depth = ("rises", kept[0][np.isfinite(kept[0]["rises"])], np.inf), ("time", kept[1], analysis.design.horizon)
    for measure, part, most in of_depth:
        found = with_interval(analysis, part, ["within", "activation", "depth"], measure, most=most)
        parts.append(found.assign(measure=measure))
    frame = pd.concat(parts, ignore_index=True)
    means = deep.groupby(["within", "activation"], observed=True)["time"].mean()
    texts = []
    for row in rows:
        of = [f"{name[level]} {digits(means[row, level])}" for level in shown if (row, level) in means]
        texts.append(", ".join(of) + (f" with {words(design, 'normalization', row)}" if row != TUNED else ""))
    title = f"Restricted mean {design.unit} to the target at {words(design, 'depth', depth)}: {'; '.join(texts)}"
    caption = (
        "To the left, over training at the deepest depth: units that are dead on the whole probe batch, and "
        "unit-samples whose derivative is below 5% of its maximum, which a rectifier has by design; means over layers, "
        "a diverged cell stays where it was last seen. To the right, by depth: all rises of the training loss between "
        "evaluations, in units of the loss of guessing, over all learning rates; and restricted mean time to "
        f"{analysis.design.goal}. {seeds_text(analysis.design)}; {interval_text(analysis)}; "
        f"but for the rises {tuning_text(analysis)}.{held}{left_out(design, 'depth', some) if thin else ''}"
    )
    alt = f"Line charts and points with intervals. {title}."
    return View(NAME, title, caption, alt, "", rows, list(MEASURES), frame)


def plot(view: View, design: Design) -> Figure:
    """A row a normalization, a column a measure, a color per activation."""
    figure, axes = grid(view, 2.3, 1.7, sharex="col", sharey="col")
    style = styles(design, "activation")
    frame = view.frame.assign(activation=view.frame["activation"].cat.remove_unused_categories())
    titles = [design.in_units(text) for text in MEASURES.values()]
    beside = [worded(design, "normalization", row) if row != TUNED else "" for row in view.rows]
    entitle(axes, [(title, row) for row in beside for title in titles], 2.3)
    for row, level in zip(axes, view.rows, strict=True):
        for axis, measure in zip(row, view.columns, strict=True):
            part = frame[(frame["measure"] == measure) & (frame["within"] == level)]
            no_cells(axis, part)
            if measure in ("dead", "blocked"):
                lines(axis, part, "step", style)
                axis.set(ylim=(-0.03, 1.03))
                axis.yaxis.set_major_formatter(PercentFormatter(1))
            elif len(part):
                part = part.assign(depth=part["depth"].cat.remove_unused_categories())
                dots(axis, part, "depth", "activation", style, along(design, part, "depth"), slant=False)
    for axis, measure in zip(axes[-1], view.columns, strict=True):
        axis.set_xlabel("training step" if measure in ("dead", "blocked") else "depth")
        axis.set_ylim(bottom=-0.03 if measure in ("dead", "blocked") else 0)
        if measure == "time":
            axis.set_ylim(top=design.horizon * 1.04 or 1)
    level_key(figure, design, "activation", list(frame["activation"].cat.categories), style)
    return figure
