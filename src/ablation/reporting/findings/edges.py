"""Whether the best of what was tuned over lies at an end of the values tried, and the command that tries more."""

from collections.abc import Sequence

from ablation.records.columns import ORDINAL
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.findings.command import again
from ablation.reporting.statistics.tuning import optimizers


def at_edge(analysis: Analysis) -> tuple[list[str], int]:
    """The numbers that were tuned over, and how many combinations have their best at an end of the values tried."""
    design = analysis.design
    numbers = [factor for factor in design.nuisance if factor in ORDINAL and design.varies(factor)]
    return numbers, int((analysis.sensitivity["at_edge"].astype(str) != "").sum()) if numbers else 0


def edges(analysis: Analysis) -> list[str]:
    """Whether the tuning was bounded by the values tried, and what would try more."""
    design = analysis.design
    numbers, count = at_edge(analysis)
    if not numbers:
        return []
    table, by = analysis.sensitivity, " or ".join(numbers)
    ends = table["at_edge"].astype(str)
    robust = int((table["succeed"] == table["tried"]).sum())
    own = ", each optimizer's own," if "lr" in numbers and design.own_rates else ""
    of = plural(len(table), "combination")
    text = f"The best {by} lies at the edge of the values tried{own} in {count} of {of}"
    if count:
        words = []
        for factor in numbers:
            high, low = (int(ends.str.contains(f"{factor} {end}", regex=False).sum()) for end in ("high", "low"))
            words.append(f"{high} at the highest {factor} and {low} at the lowest")
        text += f" ({'; '.join(words)}), where a better one may lie outside: {extended(analysis, numbers)}"
    several = f"{plural(robust, 'combination')} {'reaches' if robust == 1 else 'reach'}"
    return [f"{text}; {several} the target at every value tried."]


def extended(analysis: Analysis, numbers: Sequence[str]) -> str:
    """The command that tries one value more at each end at which a best one lies."""
    design, overrides = analysis.design, []
    ends = analysis.sensitivity["at_edge"].astype(str)
    given = optimizers(analysis.sensitivity, design)
    for factor in numbers:
        # The levels of optimizer that share a list are widened together.
        own = [level for level in design.levels["optimizer"] if factor == "lr" and level in design.brings]
        lists = {f"optimizer.{level}.lr": [level] for level in own}
        lists[factor] = [level for level in design.levels["optimizer"] if level not in own]
        for key, sharing in lists.items():
            told = ends[[optimizer in sharing for optimizer in given]]
            low, high = (told.str.contains(f"{factor} {end}", regex=False).any() for end in ("low", "high"))
            if low or high:
                levels = [float(level) for level in design.tried(factor, sharing[0])]
                values = widened(levels, bool(low), bool(high), factor != "lr")
                overrides.append(f"{key}=[{','.join(f'{value:g}' for value in values)}]")
    return again(analysis, *overrides)


def widened(levels: Sequence[float], low: bool, high: bool, whole: bool) -> list[float]:
    """The numbers with one more below the lowest and above the highest, where asked for, as far apart as these are.

    Two steps are taken together where there are two: what follows 0.1, 0.3, 1 is 3.
    """
    step = min(2, len(levels) - 1)
    below = [levels[step - 1] * levels[0] / levels[step]] if low else []
    above = [levels[-step] * levels[-1] / levels[-1 - step]] if high else []
    values = [round(value) if whole else float(f"{value:.1g}") for value in (*below, *above)]
    return sorted({*levels, *(value for value in values if value > 0)})
