"""How fast, and how often: time to target, what it is censored by, and summaries of groups of cells.

Every cell gets the same horizon H (epochs, or steps) and nobody stops early, so a cell that does not reach its target
has T > H and is censored there. A diverged cell is censored at H as well and not where it diverged: else the censoring
would tell something about T. With one common H, Kaplan & Meier's (1958) estimate of the survival function is one
minus the empirical distribution of T, and the restricted mean survival time (Royston & Parmar 2013) is the mean of
min(T, H), in the unit of H.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.records.horizon import UNITS
from ablation.reporting.design import Design
from ablation.reporting.options import Options
from ablation.reporting.statistics.intervals import Floats, Ints, by_seed, seed_interval, wilson


def guessing_loss(kind: str, classes: int | None, variance: float | None = None) -> float:
    """What guessing every class alike costs: ln C in cross-entropy, (C - 1) / C^2 in squared error over the C classes.

    The latter is that of outputs of 1 / C, whether they are the network's own or softmax makes them of outputs that are
    alike. Where there are no classes but numbers, guessing their mean costs their variance in squared error. NaN for a
    loss that is neither, or where the variance is not known.
    """
    if not classes:
        return variance if kind == "mse" and variance is not None else float("nan")
    return {"cross_entropy": float(np.log(classes)), "mse": (classes - 1) / classes**2}.get(kind, float("nan"))


def mean_loss(curves: pd.DataFrame, cap: Floats, horizon: float, clock: str = "epoch") -> Floats:
    """Area under the validation-loss curve over [0, H], divided by H: the mean loss while training, per cell.

    The loss is capped, for one exploding evaluation would outweigh all the others; what is not finite, and the time
    after a divergence, counts as the cap. NaN where the cap is not known. It compares cells of one loss only.
    """
    row, moment = curves["row"].to_numpy(), curves[clock].to_numpy()
    loss = np.minimum(np.nan_to_num(curves["val_loss"].to_numpy().astype(float), nan=np.inf), cap[row])
    within = row[1:] == row[:-1]
    trapezoid = (loss[1:] + loss[:-1]) / 2 * np.diff(moment)
    area = np.bincount(row[1:][within], weights=trapezoid[within], minlength=len(cap))
    end = np.zeros(len(cap))
    np.maximum.at(end, row, moment)
    return (area + cap * np.maximum(horizon - end, 0)) / horizon if horizon > 0 else np.full(len(cap), np.nan)


def median_time(times: Floats, groups: Ints, n_groups: int) -> Floats:
    """The time at which at least half of a group has arrived, infinite where more than half is censored.

    The smallest t with S(t) <= 1/2, as Kaplan-Meier's median is defined: never a mean with an infinity in it.
    """
    counts = np.bincount(groups, minlength=n_groups)
    start = np.cumsum(counts) - counts
    ordered = times[np.lexsort((times, groups))]
    return np.asarray(ordered[start + (counts - 1) // 2], float)


def success_interval(shares: Floats, counts: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The interval over seeds of each group's share of cells that succeed, from sums and counts (groups, seeds).

    Seeds are what is independent: of one cell a seed Wilson's, of the seeds that succeed; of several Student's t of the
    seeds' shares, cut to [0, 1], NaN where they all agree.
    """
    low, high = seed_interval(shares, counts, confidence, 0, 1)
    single = counts.max(axis=1, initial=0) == 1
    if single.any():
        low[single], high[single] = wilson(shares[single].sum(axis=1), counts[single].sum(axis=1), confidence)
    return low, high


def summarize(cells: pd.DataFrame, by: Sequence[str], design: Design, options: Options) -> pd.DataFrame:
    """One row per combination of ``by``: success rate, median time, restricted mean, mean loss, with their intervals.

    Columns: ``cells, reached, diverged, success_rate`` with its interval over seeds ``success_low, success_high``,
    ``median_epochs, median_steps`` (infinite beyond H), the study's own unit first, and in that those of the other
    targets; ``rmst`` with its Student's t interval over seeds ``rmst_low, rmst_high``, ``mean_loss`` (NaN for a group
    of several losses).
    """
    grouped = cells.groupby(list(by), observed=True)
    groups = grouped.ngroup().to_numpy().astype(np.int64)
    table = grouped.size().reset_index(name="cells")
    n, counts = len(table), table["cells"].to_numpy()
    table["reached"] = np.bincount(groups, weights=cells["reached"], minlength=n).astype(int)
    table["diverged"] = np.bincount(groups, weights=cells["diverged"], minlength=n).astype(int)
    table["success_rate"] = table["reached"] / counts
    seeds, n_seeds = cells["seed"].cat.codes.to_numpy().astype(np.int64), len(cells["seed"].cat.categories)
    arrived, sizes = by_seed(cells["reached"], groups, seeds, n, n_seeds)
    ends = success_interval(arrived, sizes, options.confidence)
    table["success_low"], table["success_high"] = ends
    for unit in sorted(UNITS, key=lambda unit: unit != design.unit):
        table[f"median_{unit}"] = median_time(cells[f"{unit}_primary"].to_numpy(), groups, n)
    for target in ("easy", "hard"):
        times = cells[f"{design.unit}_{target}"].to_numpy()
        table[f"median_{design.unit}_{target}"] = median_time(times, groups, n)
    sums, sizes = by_seed(np.minimum(cells["arrival"], design.horizon), groups, seeds, n, n_seeds)
    table["rmst"] = sums.sum(axis=1) / counts
    table["rmst_low"], table["rmst_high"] = seed_interval(sums, sizes, options.confidence, 0, design.horizon)
    losses = grouped["loss"].nunique().to_numpy()
    area = np.bincount(groups, weights=cells["mean_loss"], minlength=n) / counts
    # Rounded, for seeds summed in another order differ in their last bits, and ranks would hang on those.
    table["mean_loss"] = np.where(losses == 1, np.round(area, 9), np.nan)
    return table


def performance_profile(
    tuned: pd.DataFrame, factor: str, others: Sequence[str], taus: Floats, confidence: float
) -> pd.DataFrame:
    """rho(tau) of Dolan & More (2002): the share of problems on which a level is within a factor tau of the best level.

    A problem is a combination of the other factors and a seed, and one that no level solves stays in the denominator,
    so rho at a large tau is the level's success rate. Where the study is no full crossing (a model with widths of its
    own has no depth but one), a level is judged on the problems that it and another were given; without one it has no
    row. A row a level: ``level, problems``, and for each tau the share with its interval over seeds, as ``rho_2,
    rho_2_low, rho_2_high``.
    """
    times = tuned.pivot_table("arrival", [*others, "seed"], factor, aggfunc="first", observed=True)
    best = times.min(axis=1).to_numpy()[:, None]
    values = times.to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.isfinite(values) & (values == best), 1.0, values / best)
    given = times.notna().to_numpy()
    given = given & (given.sum(axis=1) >= min(2, given.shape[1]))[:, None]
    within = given[:, :, None] & (np.nan_to_num(ratio, nan=np.inf)[:, :, None] <= taus + 1e-12)
    seed = np.unique(times.index.get_level_values("seed"), return_inverse=True)[1]
    by_level = given.T[:, :, None] * np.eye(int(seed.max()) + 1)[seed]
    counts = by_level.sum(axis=1)
    sums = np.einsum("plt,ps->lts", within, np.eye(counts.shape[1])[seed])
    sizes = np.repeat(counts, len(taus), axis=0)
    low, high = success_interval(sums.reshape(sizes.shape), sizes, confidence)
    problems = counts.sum(axis=1)
    shares = sums.sum(axis=2) / np.maximum(problems, 1)[:, None]
    table = pd.DataFrame({"level": pd.Series(list(times.columns), dtype=object), "problems": problems.astype(int)})
    for place, tau in enumerate(taus):
        name = f"rho_{tau:.3g}"
        table[name] = shares[:, place]
        table[f"{name}_low"], table[f"{name}_high"] = low[place :: len(taus)], high[place :: len(taus)]
    return pd.DataFrame(table[problems > 0]).reset_index(drop=True)
