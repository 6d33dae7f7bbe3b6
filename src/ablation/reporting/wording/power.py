"""What so many seeds can show, as lines of a terminal: a table by seeds, what it is from, and a line of advice."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ablation.reporting.design import plural
from ablation.reporting.statistics.power import (
    JUDGED,
    LEVEL,
    POWER,
    Range,
    count_terms,
    measured,
    smallest,
    trust,
    usual,
)
from ablation.reporting.wording.phrases import RESPONSES

OTHERS = (3, 5, 10, 20)
"""Numbers of seeds that are told beside the study's own."""
LARGE = 1.25
"""A ratio of times that one would want to see; where the smallest that can be shown is larger, seeds are advised."""
LONG = 3600.0
"""Seconds from which on a study takes long."""
MOST_SEEDS = 1000
"""Seeds that are tried in search of enough."""
HEADS = {"epochs": "time to target, ratio", "rmst": "restricted mean, {}", "accuracy": "accuracy, points"}
R_SQUARED = "R squared"
"""What stands over the last of them in a regression."""
WIDTH = 28
NONE = "none"
"""What can be shown where a difference had to be larger than any that occurs."""


@dataclass(frozen=True)
class Planned:
    """What of a planned study decides what it can show.

    Attributes:
        levels: how many levels each compared factor has, of those with several.
        combinations: how many combinations of the compared factors there are.
        seeds: how many seeds.
        horizon: how long every cell trains, in ``unit``.
        seconds: about how long what is missing of it trains at most.
        unit: epochs, or steps.
        is_regression: whether its score is R squared.
    """

    levels: dict[str, int]
    combinations: int
    seeds: int
    horizon: float
    seconds: float
    unit: str = "epochs"
    is_regression: bool = False

    @property
    def heads(self) -> dict[str, str]:
        """The responses that are told of, and how."""
        return HEADS | ({"accuracy": R_SQUARED} if self.is_regression else {})

    @property
    def tests(self) -> int:
        """How many tests the report adjusts for: of every term on every response."""
        return count_terms(list(self.levels.values()), self.seeds) * len(set(RESPONSES.values()))


def power_lines(planned: Planned, spread: pd.DataFrame | None, source: str) -> list[str]:
    """What the planned study's seeds can show, line by line.

    Args:
        planned: the study.
        spread: ``power.spreads`` of results, or None where there are none.
        source: where they are.
    """
    if not planned.levels:
        return ["One level of each compared factor: there is no effect to show."]
    if planned.horizon <= 0:
        score = R_SQUARED if planned.is_regression else "accuracy"
        return [f"Nothing is trained (training.epochs=0): there is no time and no {score} to tell apart."]
    if spread is not None and spread.empty:
        spread = None
    # How far R squared varies over seeds hangs on the data: where there are no results, there is nothing to expect.
    judged = [name for name in JUDGED if not (planned.is_regression and name == "accuracy" and spread is None)]
    ranges = {response: expected(planned, spread, response) for response in judged}
    lines = [
        f"smallest difference between two levels of a factor that {POWER:.0%} of such studies would find (a paired t "
        f"test over seeds at {LEVEL:.0%}):",
        table_line("seeds", [planned.heads[response].format(planned.unit) for response in ranges]),
        *(rows := [row(planned, ranges, seeds, 1) for seeds in sorted({planned.seeds, *OTHERS})]),
    ]
    if planned.tests > 1:
        lines.append(
            f"and after adjusting for all {plural(planned.tests, 'test')} of the report, terms times responses:"
        )
        lines += [row(planned, ranges, seeds, planned.tests) for seeds in sorted({planned.seeds, *OTHERS})]
    if spread is not None and planned.seeds > 1 and (own := by_factor(planned, spread)):
        lines.append(own)
    ranging = any("(" in line for line in rows)
    return [*lines, source_line(planned, spread, source, ranging), advice(planned, ranges)]


def by_factor(planned: Planned, spread: pd.DataFrame) -> str:
    """The smallest ratio of times that these seeds can show of each factor, the smallest first."""
    times = spread[(spread["response"] == "epochs") & spread["factor"].isin(planned.levels)].sort_values("sd")
    found = smallest(planned.seeds)
    parts = [
        f"{factor} {size('epochs', sd * found, planned.horizon)}"
        for factor, sd in zip(times["factor"], times["sd"], strict=True)
    ]
    return f"ratio of times that {planned.seeds} seeds can show, by factor: {', '.join(parts)}" if parts else ""


def expected(planned: Planned, spread: pd.DataFrame | None, response: str) -> Range:
    """The standard deviations to expect: those of results, or else the usual ones."""
    found = None if spread is None else measured(spread, response, planned.levels)
    if found is not None:
        return found
    sizes = [usual(response, planned.combinations / size, planned.horizon) for size in planned.levels.values()]
    # Means of factors with many levels are over the fewest combinations.
    middle = sorted(each.typical for each in sizes)[len(sizes) // 2]
    return Range(min(each.low for each in sizes), middle, max(each.high for each in sizes))


def row(planned: Planned, ranges: dict[str, Range], seeds: int, tests: int) -> str:
    """One line of the table: what so many seeds can show, with so many tests."""
    found = smallest(seeds, LEVEL / tests)
    name = f"{seeds} *" if seeds == planned.seeds else f"{seeds}  "
    return table_line(name, [cell(planned, response, spread, found) for response, spread in ranges.items()])


def table_line(name: str, cells: Sequence[str]) -> str:
    """A line of the table, its columns of one width."""
    return f"  {name:>7}  " + "".join(f"{text:<{WIDTH}}" for text in cells).rstrip()


def cell(planned: Planned, response: str, spread: Range, found: float) -> str:
    """What can be shown of a response: with the usual spread, and in brackets with the smallest and the largest."""
    name = R_SQUARED if planned.is_regression and response == "accuracy" else response
    low, middle, high = (size(name, sd * found, planned.horizon) for sd in spread)
    if low == middle == high:
        return middle
    return f"{middle} ({low} to {high})"


def size(response: str, difference: float, horizon: float) -> str:
    """A difference in the response's own unit, or ``NONE`` where it is as large as the response ever gets."""
    if response == "epochs":
        # A thousandfold: no study's evaluations lie so far apart.
        times = 10 ** min(difference, 3)
        return NONE if times >= 1000 else f"{times:.2f}" if times < 10 else f"{times:.0f}"
    most, scale = {"rmst": (horizon, 1), R_SQUARED: (1, 1)}.get(response, (1, 100))
    return NONE if not difference < most else f"{scale * difference:.2g}"


def source_line(planned: Planned, spread: pd.DataFrame | None, source: str, ranging: bool) -> str:
    """Where the spread over seeds is from, and how far it can be trusted; what is in brackets where anything is."""
    if spread is None:
        lead = "in brackets: with little and with much" if ranging else "by the"
        return (
            f"{lead} spread over seeds, as measured in study=core (9,000 cells, 5 seeds); {source}of other data and "
            "networks a small study tells more, by plan.from=its results"
        )
    seeds, sizes = int(spread["seeds"].iloc[0]), spread["combinations"]
    over = f"{sizes.min():.0f}" if sizes.min() == sizes.max() else f"{sizes.min():.0f} to {sizes.max():.0f}"
    low, high = trust(seeds)
    own = [factor for factor in planned.levels if factor in set(spread["factor"])] or sorted(set(spread["factor"]))
    lead = "in brackets: with the least and the most" if ranging else "by the"
    return (
        f"{lead} spread of {', '.join(own)} in {source}, whose levels' means are over {over} combinations; "
        f"{plural(seeds, 'seed')} leave it open between {low:.1f} and {high:.1f} times itself"
    )


def advice(planned: Planned, ranges: dict[str, Range]) -> str:
    """One line: more seeds where only large effects would show, fewer levels where it takes hours."""
    spread = ranges["epochs"].typical
    if planned.seeds < 2:
        return (
            "advice: one seed can show no effect at all, however large: there is nothing to hold it against; "
            f"5 seeds, as seed=[0,1,2,3,4], would show times that differ {ratio(5, spread)}-fold"
        )
    least = ratio(planned.seeds, spread)
    said = f"with {plural(planned.seeds, 'seed')} a comparison by itself shows times that differ {least}-fold or more"
    if least == NONE:
        said = f"with {plural(planned.seeds, 'seed')} no difference of times that occurs could be shown"
    wanted = enough(spread)
    more = f"{wanted} would show {ratio(wanted, spread)}-fold ones" if wanted else ""
    if planned.seconds >= LONG:
        if wanted and wanted > planned.seeds:
            return f"advice: {said}; fewer levels, and more seeds for it: {more}"
        return f"advice: {said}; fewer levels, learning rates or {planned.unit} take less time"
    if wanted and wanted > planned.seeds:
        return f"advice: {said}; more seeds: {more}, at {wanted / planned.seeds:.2g} times the cost"
    return f"advice: {said}; that will do for most questions"


def ratio(seeds: int, spread: float) -> str:
    """The ratio of times that so many seeds can show."""
    return size("epochs", smallest(seeds) * spread, math.inf)


def enough(spread: float) -> int | None:
    """How many seeds show a ratio of times of ``LARGE``; none where it takes more than ``MOST_SEEDS``."""
    numbers = range(2, MOST_SEEDS + 1)
    # It takes the less to be shown the more there are.
    place = bisect_left(numbers, True, key=lambda seeds: smallest(seeds) * spread <= math.log10(LARGE))
    return numbers[place] if place < len(numbers) else None
