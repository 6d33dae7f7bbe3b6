"""How optimizers stand at a depth, tuned and over all of their rates: who leads, and who cannot be told from it.

All are means over the combinations of the other factors that every optimizer was given, one number a seed. Who cannot
be told from the leader is decided as for winners (``statistics/winners.py``): of times as in the table of winners, of
accuracies and shares with all comparisons of the question counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.statistics.rates import seed_widths
from ablation.reporting.statistics.winners import contenders


@dataclass(frozen=True)
class Measure:
    """What optimizers are compared by.

    Attributes:
        text: along its axis, with the unit of times and the score.
        panel: the row of panels that it stands in, if it is drawn.
        better: -1 where less of it is better, 1 where more is.
        counted: whether there is a set of those that cannot be told from the leader.
    """

    text: str
    panel: str
    better: int
    counted: bool = True


MEASURES = {
    "time": Measure("{unit} to\nthe target", "time", -1),
    "tested": Measure("test\n{score}", "tested", 1),
    "drawn": Measure("test\n{score}", "tested", 1),
    "share": Measure("rates that\nreach it", "share", 1),
    "decades": Measure("decades\nnear the best", "decades", 1, counted=False),
    "cut": Measure("", "", 1, counted=False),
}
PANELS = tuple(dict.fromkeys(measure.panel for measure in MEASURES.values() if measure.panel))


@dataclass(frozen=True)
class Standing:
    """How the optimizers stand at one depth by one measure.

    Attributes:
        seeds: a number an optimizer and seed, (optimizers, S); NaN where nothing is known.
        order: the optimizers' places, the best first.
        rest: the places of those that cannot be told from the first.
    """

    seeds: Floats
    order: Sequence[int]
    rest: Sequence[int]

    @property
    def mean(self) -> Floats:
        """Each optimizer's mean over seeds."""
        return np.asarray(self.seeds.mean(axis=1), float)


def standing(
    analysis: Analysis, tuned: pd.DataFrame, cells: pd.DataFrame, depth: Label, optimizers: Sequence[Label]
) -> dict[str, Floats]:
    """A number a measure, optimizer and seed at one depth; nothing where no combination is common to all."""
    design = analysis.design
    tuned, cells = tuned[tuned["depth"] == depth], cells[cells["depth"] == depth]
    others = [factor for factor in design.compared if factor not in ("optimizer", "depth")]
    by = [*others, "seed"]

    def means(frame: pd.DataFrame, value: str) -> Floats:
        table = frame.pivot_table(value, by, "optimizer", aggfunc="mean", observed=True)
        seeds = table.reindex(index=common, columns=list(optimizers)).groupby("seed", observed=True).mean()
        return np.asarray(seeds.to_numpy(dtype=float).T)

    counts = tuned.pivot_table("time", by, "optimizer", aggfunc="size", observed=True)
    counts = counts.reindex(columns=list(optimizers))
    common = counts.index[counts.notna().all(axis=1)]
    if not len(common):
        return {}
    nuisance = [factor for factor in design.nuisance if factor != "lr"]
    widths = seed_widths(cells, tuned, [*design.compared, *nuisance])
    widths["decades"] = widths["decades"].where(widths["learned"], 0.0)
    found = {"time": means(tuned, "time"), "tested": means(tuned, "tested")}
    found |= {"drawn": means(cells, "tested"), "share": means(cells, "reached")}
    return found | {name: means(widths, name) for name in ("decades", "cut")}


def judged(
    analysis: Analysis, found: Mapping[Label, Mapping[str, Floats]], optimizers: Sequence[Label]
) -> dict[Label, dict[str, Standing]]:
    """Who leads at each depth by each measure, and who cannot be told from it, all comparisons counted."""
    own = [name for name, measure in MEASURES.items() if measure.counted and name != "time"]
    comparisons = len(own) * len(found) * len(optimizers) * (len(optimizers) - 1)
    level = (1 - analysis.options.confidence) / max(1, comparisons)
    standings: dict[Label, dict[str, Standing]] = {}
    for depth, of in found.items():
        standings[depth] = {}
        for name, seeds in of.items():
            cost = -MEASURES[name].better * seeds
            order = [int(at) for at in np.argsort(cost.mean(axis=1).round(9), kind="stable")]
            inside = np.zeros(len(seeds), dtype=bool)
            if MEASURES[name].counted:
                inside = contenders(cost, np.zeros(len(seeds)), order[0], level)
            rest = [at for at in order[1:] if inside[at]]
            standings[depth][name] = Standing(seeds, order, rest)
        winner = next((x for x in analysis.winners if x.factor == "optimizer" and x.depth == depth), None)
        if winner is not None and list(winner.candidates) == [(optimizer,) for optimizer in optimizers]:
            places = dict.fromkeys([winner.best, *winner.rest, *standings[depth]["time"].order])
            standings[depth]["time"] = Standing(of["time"], list(places), list(winner.rest))
    return standings
