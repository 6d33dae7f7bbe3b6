"""What the terminal says of a study that was just trained: its best combinations, in a small table.

The numbers are those of the report, which a test holds; its code is not asked, for then every edit of a statistic would
have DVC run the study again.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median, median_low
from typing import Any, NamedTuple

from ablation.records.arrival import times_to_target
from ablation.records.columns import FACTORS
from ablation.records.files import Results
from ablation.records.horizon import horizon_of

SHOWN = 3
"""Combinations in the table."""

Row = Mapping[str, Any]


class Standing(NamedTuple):
    """A combination at its tuned setting.

    Attributes:
        levels: the level of each factor that varies, those that are tuned over last.
        mean_time: over its cells, of the time to the target or the horizon, whatever is sooner.
        time: the median time to target, infinite where most cells never reach it.
        validation: mean of the best validation score; a diverged cell's is that of guessing.
        test: mean of the score on the test part at the end, likewise.
    """

    levels: dict[str, Any]
    mean_time: float
    time: float
    validation: float
    test: float


def closing_lines(results: Results, nuisance: Sequence[str], nested: bool) -> list[str]:
    """Return the best combinations, a line each below a line of names, and above all what they are.

    None where nothing was trained.

    Args:
        results: the study's; of its layers nothing is needed.
        nuisance: the factors that are tuned over.
        nested: whether a seed's setting is chosen by the others alone.
    """
    unit, horizon = horizon_of(results.manifest)
    if not horizon:
        return []
    ranked = standings(results, nuisance, nested)
    best = ranked[:SHOWN]
    of_task = {card.get("task") for card in results.manifest["data"].values()}
    score, form = ("R squared", "{:.3f}") if of_task == {"regression"} else ("accuracy", "{:.1%}")
    targets = {targets[1] for targets in results.manifest["targets"].values()}
    seeds = results.cells["seed"].nunique()
    columns = {name: [str(each.levels[name]) for each in best] for name in best[0].levels}
    columns[f"{unit} to target"] = [f"{each.time:g}" if math.isfinite(each.time) else f">{horizon:g}" for each in best]
    columns[f"best validation {score}"] = [form.format(each.validation) for each in best]
    columns[f"final test {score}"] = [form.format(each.test) for each in best]
    which = f"the best {len(best)} of {len(ranked)} combinations" if len(ranked) > 1 else "the result"
    aims = [f"{100 * target:.3g}%" if score == "accuracy" else f"{target:.3g}" for target in sorted(targets)]
    aim = f"target: {' or '.join(aims)} validation {score}"
    return [f"{which} over {seeds} seed{'s' * (seeds > 1)} ({aim}; median time, mean {score}):", *_aligned(columns)]


def standings(results: Results, nuisance: Sequence[str], nested: bool) -> list[Standing]:
    """Return every combination at its tuned setting, that with the least mean time first; equal ones by their score."""
    _, horizon = horizon_of(results.manifest)
    varying = [name for name in FACTORS if results.cells[name].nunique(dropna=False) > 1 and name != "seed"]
    compared = [name for name in varying if name not in nuisance]
    tuned = [name for name in varying if name in nuisance]
    rows: list[Any] = results.cells.sort_values([*tuned, "seed"], kind="stable").to_dict("records")
    times = dict(zip(results.cells["key"], times_to_target(results, results.cells), strict=True))
    groups: dict[tuple[Any, ...], dict[tuple[Any, ...], list[Row]]] = {}
    for row in rows:
        settings = groups.setdefault(tuple(map(str, (row[name] for name in compared))), {})
        settings.setdefault(tuple(row[name] for name in tuned), []).append(row)
    found = []
    for settings in groups.values():
        kept = _tuned(settings, nested and bool(tuned))
        arrivals = [times[row["key"]] for row in kept]
        levels = {name: kept[0][name] for name in compared}
        levels |= dict(zip(tuned, _best(settings), strict=True))
        found.append(
            Standing(
                {name: "all" if _is_none(level) else level for name, level in levels.items()},
                fmean(min(time, horizon) for time in arrivals),
                median_low(arrivals),
                *(fmean(_score(row, name, results.manifest) for row in kept) for name in ("best_val", "test")),
            )
        )
    return sorted(found, key=lambda each: (each.mean_time, -each.validation))


def _tuned(settings: Mapping[tuple[Any, ...], Sequence[Row]], nested: bool) -> list[Row]:
    """Return the rows at the best setting; nested, each seed's at the one that the other seeds choose."""
    seeds = sorted({row["seed"] for rows in settings.values() for row in rows})
    if not nested or len(seeds) < 2:
        return list(settings[_best(settings)])
    chosen = {seed: _best(settings, but=seed) for seed in seeds}
    return [row for setting, rows in settings.items() for row in rows if chosen[row["seed"]] == setting]


def _best(settings: Mapping[tuple[Any, ...], Sequence[Row]], but: object = None) -> tuple[Any, ...]:
    """Return the setting with the least median of the best validation loss over the seeds, all but one."""
    losses = {
        setting: [_loss(row) for row in rows if row["seed"] != but] or [math.inf] for setting, rows in settings.items()
    }
    return min(losses, key=lambda setting: median(losses[setting]))


def _loss(row: Row) -> float:
    return math.inf if row["status"] != "finished" or _is_none(row["best_val_loss"]) else float(row["best_val_loss"])


def _score(row: Row, part: str, manifest: Mapping[str, Any]) -> float:
    """Return a cell's score; of one that diverged, that of guessing. R squared below -1 counts as -1."""
    value, classes = row[f"{part}_accuracy"], manifest["data"][row["data"]]["classes"]
    if row["status"] != "finished" or _is_none(value):
        return 1 / classes if classes else 0.0
    return max(float(value), 0.0 if classes else -1.0)


def _is_none(value: object) -> bool:
    return value is None or value != value


def _aligned(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns side by side, each as wide as its widest entry."""
    widths = [max(map(len, (name, *entries))) for name, entries in columns.items()]
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return ["  ".join(entry.ljust(width) for entry, width in zip(row, widths, strict=True)).rstrip() for row in rows]
