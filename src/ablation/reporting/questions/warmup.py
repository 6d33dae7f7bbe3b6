"""What does warm-up buy, at which depth? The same schedule with and without, each at its own best rate.

Compared, seed by seed, over pairs of runs that differ in the warm-up and in the rate that is best for each: how many
times as long it takes to the target, the accuracy at the end, and how many of the rates train a network at all.
"""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import parameters
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.asking.warmups import Gains, Pair, gains, pairs, sides
from ablation.reporting.design import Design, digits, plural
from ablation.reporting.figures.panels import along, dots, grid, level_key, no_cells
from ablation.reporting.figures.room import LINES, across, places
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, left_out, present, thinned
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference, Evidence
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import SURE, difference_text
from ablation.reporting.wording.phrases import listed, words

TOPIC = "What does warm-up buy, at which depth?"
NAME = "question_warmup"
PRESET = "study=schedules"
TOLD = 4
"""Most depths and schedules that sentences name."""
PANELS = {"ratio": "time, with / without", "tested": "{tested} gained{points}", "rates": "rates gained"}
"""What the figure shows, and its axes."""
DOES = {-1: "shorter", 1: "longer", 0: "not clearly another"}
Frames = tuple[pd.DataFrame, pd.DataFrame]


def ask(analysis: Analysis) -> Question:
    """With a warm-up against without, by depth."""
    if why := obstacle(analysis, "schedule"):
        return unanswered(NAME, TOPIC, why)
    of, flat = pairs(analysis), not analysis.design.varies("depth")
    what = ["a schedule with a warm-up and the same without"] * (not of) + ["a second depth"] * flat
    missing = lacking(what, [*([] if of else other_side(analysis)), *["depth=[2,20]"] * flat], PRESET)
    if not of:
        return unanswered(NAME, TOPIC, missing)
    frames = sides(analysis, of)
    found = {depth: gains(analysis, frames, depth=depth) for depth in present(frames[0], "depth")}
    found = {depth: gain for depth, gain in found.items() if gain.of}
    if not found:
        return unanswered(NAME, TOPIC, "No two of its runs differ in the warm-up alone.")
    texts = [*evidence(analysis, frames, found), *by_schedule(analysis, frames, of, [*found][-1])]
    return Question(TOPIC, answer(analysis, found), texts, missing, view(analysis, frames, of, found))


def other_side(analysis: Analysis) -> list[str]:
    """Overrides that add the same schedule with a warm-up, or without, to one of the study's; else both."""
    for level in analysis.design.levels["schedule"]:
        settings = dict(parameters(analysis, "schedule", level))
        if "warmup" in settings or settings["kind"] == "constant":
            warms = not settings.get("warmup")
            settings |= {"warmup": 0.1 if warms else 0.0}
            text = ", ".join(f"{name}: {value}" for name, value in settings.items())
            return [f"'+schedule.{settings['kind']}_{'warmup' if warms else 'without'}={{{text}}}'"]
    return ["+schedule.constant={}", "'+schedule.constant_warmup={kind: constant, warmup: 0.1}'"]


def answer(analysis: Analysis, found: Mapping[Label, Gains]) -> str:
    """At which depths it shortens the time, lengthens it, or does neither clearly."""
    design = analysis.design
    said: dict[int, list[str]] = {}
    for depth, gain in ((depth, found[depth]) for depth in few([*found], TOLD)):
        difference, text = time_of(design, gain)
        said.setdefault(difference.sign, []).append(f"{words(design, 'depth', depth)} ({text})")
    parts = [f"{does} at {listed(said[sign])}" for sign, does in DOES.items() if sign in said]
    return f"With a warm-up the time to {design.goal} is {listed(parts)}."


def time_of(design: Design, gain: Gains) -> tuple[Difference, str]:
    """What it does to the time to target, and in words: a ratio, where runs arrive with it and without."""
    if "ratio" in gain.of:
        return gain.of["ratio"], ratio_text(gain.of["ratio"])
    if not gain.arrive:
        return gain.of["time"], "which no run reaches with or without"
    return gain.of["time"], difference_text(gain.of["time"], f"{design.unit} in the restricted mean")


def ratio_text(found: Difference, what: str = "times as long") -> str:
    """A difference of logarithms as the ratio that it is: "0.7 times as long [0.6, 0.8], a clear difference"."""
    mean, low, high = (digits(10**end) for end in (found.mean, found.low, found.high))
    ends = "" if found.evidence in (Evidence.NONE, Evidence.COPIES) else f" [{low}, {high}]"
    return f"{mean} {what}{ends}, {SURE[found.evidence]}"


def evidence(analysis: Analysis, frames: Frames, found: Mapping[Label, Gains]) -> list[str]:
    """The other measures, each by depth."""
    design = analysis.design
    told = {
        "time": ("The restricted mean time", design.unit),
        "tested": (f"The {design.score.tested} at the end", design.score.unit),
        "rates": (f"Of {rates_tried(frames)}, those that bring a run to {easy(design)}", "rates"),
        "best": ("The best rate", ""),
    }
    texts = []
    for measure, (what, unit) in told.items():
        if measure in ("rates", "best") and not tunes_rates(design):
            continue
        parts = []
        for depth in few([*found], TOLD):
            if each := found[depth].of.get(measure):
                text = difference_text(each, unit, design.score.scale if measure == "tested" else 1)
                text = ratio_text(each, "times as high") if measure == "best" else text
                parts.append(f"{text}, at {words(design, 'depth', depth)}")
        texts += [f"{what}, with a warm-up against without: {'; '.join(parts)}."] if parts else []
    return texts


def rates_tried(frames: Frames) -> str:
    """How many rates a run was tried with, in words; an optimizer may have its own."""
    low, high = int(frames[1]["tried"].min()), int(frames[1]["tried"].max())
    return plural(high, "rate") if low == high else f"{low} to {high} rates"


def easy(design: Design) -> str:
    """The easy target in words."""
    targets = {each[0] for each in design.targets.values()}
    return design.score.goal(targets.pop()) if len(targets) == 1 else "the data set's easy target"


def tunes_rates(design: Design) -> bool:
    """Whether rates, and nothing else, are tuned over; elsewhere there is one, or none is best by itself."""
    return [factor for factor in design.nuisance if design.varies(factor)] == ["lr"]


def by_schedule(analysis: Analysis, frames: Frames, of: Sequence[Pair], depth: Label) -> list[str]:
    """What it does to the time with each schedule at the largest depth, where there are several."""
    design, parts = analysis.design, []
    for pair in of[:TOLD]:
        gain = gains(analysis, frames, pair=pair.warmed, depth=depth)
        if len(of) > 1 and gain.of:
            names = [design.short("schedule", level) for level in (pair.warmed, pair.without)]
            share = f"{names[0]} ({100 * pair.share:.3g}% of the training) against {names[1]}"
            parts.append(f"{share}: {time_of(design, gain)[1]}")
    return [f"By schedule, at {words(design, 'depth', depth)}, {'; '.join(parts)}."] if parts else []


def view(analysis: Analysis, frames: Frames, of: Sequence[Pair], found: Mapping[Label, Gains]) -> View:
    """The differences by depth, a panel a measure, a color per schedule with a warm-up."""
    design = analysis.design
    shown = few([*found], places(min(LINES, len(of))))
    rows = []
    for depth, pair in itertools.product(shown, of):
        for measure, each in gains(analysis, frames, pair=pair.warmed, depth=depth).of.items():
            rows.append((measure, depth, pair.warmed, each.mean, each.low, each.high))
    frame = pd.DataFrame(rows, columns=["measure", "depth", "schedule", "mean", "low", "high"])
    ends, ratio = ["mean", "low", "high"], frame["measure"] == "ratio"
    frame.loc[ratio, ends] = 10.0 ** frame.loc[ratio, ends]
    frame.loc[frame["measure"] == "tested", ends] *= design.score.scale
    drawn = [name for name in PANELS if name != "rates" or tunes_rates(design)]
    columns = [name for name in drawn if (frame["measure"] == name).any()]
    frame = frame[frame["measure"].isin(columns)]
    for factor, levels in (("depth", shown), ("schedule", [pair.warmed for pair in of])):
        frame[factor] = pd.Categorical(frame[factor], categories=levels, ordered=True)
    frame, some = thinned(design, frame, "schedule", LINES)
    frame["schedule"] = frame["schedule"].cat.remove_unused_categories()
    last = [*found][-1]
    title = (
        f"Time to {design.goal} with a warm-up, at {words(design, 'depth', last)}: {time_of(design, found[last])[1]}"
    )
    pooled = [factor for factor in design.compared if factor not in ("schedule", "depth")]
    caption = (
        "Each schedule with a warm-up against the same without, each at its own best rate: how many times as long the "
        f"time to {design.goal} is, by the model of all times; how much higher the {design.score.tested} at the end; "
        "and how many more of the rates reach the easy target. The line: no difference. "
        f"{seeds_text(design)}{f', pooled over {listed(pooled)}' if pooled else ''}; bar: "
        f"{interval_text(analysis, of='mean differences')}; {tuning_text(analysis)}."
        f"{left_out(design, 'depth', shown) if len(shown) < len(found) else ''}"
    )
    return View(NAME, title, caption + some, f"Points with intervals. {title}.", columns=columns, frame=frame)


def plot(view: View, design: Design) -> Figure:
    """Depths along, a color per schedule with a warm-up; a panel a measure."""
    depths, schedules = (list(view.frame[name].cat.categories) for name in ("depth", "schedule"))
    figure, axes = grid(view, across(len(depths), len(schedules)), 2.3)
    style, names = styles(design, "schedule"), along(design, view.frame, "depth")
    for axis, measure in zip(axes[0], view.columns, strict=True):
        part = view.frame[view.frame["measure"] == measure]
        no_cells(axis, part)
        axis.axhline(float(measure == "ratio"), color=INK, lw=0.8)
        dots(axis, part, "depth", "schedule", style, names, slant=False)
        axis.set(xlabel="depth", ylabel=axis_text(design, str(measure)))
        if measure == "ratio":
            as_ratios(axis)
    level_key(figure, design, "schedule", schedules, style, line=False)
    return figure


def axis_text(design: Design, measure: str) -> str:
    """What stands along the axis of a measure."""
    points = f" ({design.score.unit})" if design.score.unit else ""
    return PANELS[measure].format(tested=design.score.tested, points=points)


def as_ratios(axis: Axes) -> None:
    """A logarithmic axis, with ticks at round numbers also where it is shorter than a decade."""
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    if high < 8 * low:
        axis.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
