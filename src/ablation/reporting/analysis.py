"""A study's results as the tables, figures and findings need them: one row per cell with everything known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ablation.records.columns import FACTORS
from ablation.records.files import Results
from ablation.reporting.design import TARGETS, Design, leveled, read_design
from ablation.reporting.naming import Label
from ablation.reporting.options import Options
from ablation.reporting.statistics import health, times, tuning
from ablation.reporting.statistics.censoring import Censoring, censoring
from ablation.reporting.statistics.copies import outcome_numbers, study_copies
from ablation.reporting.statistics.differences import Difference, paired
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.statistics.marginal import study_means
from ablation.reporting.statistics.ranking import best_and_worst
from ablation.reporting.statistics.rates import study_widths
from ablation.reporting.statistics.responses import Effects, study_effects
from ablation.reporting.statistics.winners import Winner, study_winners
from ablation.reporting.theory.agreement import Agreement, compare
from ablation.reporting.theory.mean_field import Activation


@dataclass(frozen=True)
class Analysis:
    """A study and what is computed of it once.

    Attributes:
        cells: a row a cell; factors are ordered categories; ``epochs_*`` and ``steps_*`` per target, ``reached`` and
            ``diverged``; in the study's unit ``arrival`` (T to the primary target, infinite beyond H), ``time``
            (min(T, H)) and the evaluations between which that was met, ``later_than`` and ``no_later_than``;
            ``chance``, ``accuracy`` (the best one in validation; that of guessing where diverged) and ``tested``
            (likewise, on the test part at the end), ``guessing`` (what that costs), ``mean_loss``, ``clip_share``,
            ``failure``, ``outcome`` (a number that cells have in common whose curves are the same to the bit),
            ``tuned`` (at the best setting of the nuisance factors).
        tuned: those of the cells that are.
        curves: ``curves.parquet`` with ``row``, the cell's place in ``cells``.
        layers: ``layers.parquet`` with ``row``, all probes.
        probes: those of them at each cell's first and last probe, told apart by ``probe``.
        grid: the times over which curves are shown, from 0 to the horizon whatever became of the cells.
        profiles: per cell and probe, what ``health.depth_profile`` computes.
        activations: ``activations.parquet``, each activation's label with what theory computes with.
        initializers: ``initializers.parquet``.
    """

    design: Design
    options: Options
    manifest: Mapping[str, Any]
    cells: pd.DataFrame
    tuned: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    probes: pd.DataFrame
    profiles: pd.DataFrame
    grid: Floats
    activations: Mapping[str, Activation]
    initializers: pd.DataFrame

    @cached_property
    def bounded(self) -> list[Label]:
        """The activations that level off on both sides: those that can saturate for good."""
        known = self.manifest["activations"]
        return [level for level in self.design.levels["activation"] if known.get(str(level), {}).get("bounded")]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every combination's times and losses at its tuned setting, which stands behind the compared factors."""
        design = self.design
        frame = times.summarize(self.tuned, design.compared, design, self.options)
        tested = self.tuned.groupby(list(design.compared), observed=True)["tested"].mean()
        frame["test_accuracy"] = tested.round(9).to_numpy()
        chosen = tuning.tuned_settings(self.cells, design.compared, design.nuisance)
        for place, factor in enumerate(design.nuisance):
            frame.insert(len(design.compared) + place, factor, chosen[factor])
        return frame

    @cached_property
    def extremes(self) -> pd.DataFrame:
        """The fastest and the slowest combinations at each depth."""
        return best_and_worst(self.summary, self.tuned, self.design)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """How many settings of the nuisance factors succeed, which is the best, and how far from it a rate may be."""
        found = tuning.study_sensitivity(self.cells, self.tuned, self.design)
        if self.tunes_rates:
            widths = study_widths(self.cells, self.tuned, self.design, self.options.confidence)
            found = found.merge(widths, on=list(self.design.compared), how="left")
        return found

    @property
    def tunes_rates(self) -> bool:
        """Whether there are learning rates, and the report tunes over them."""
        return "lr" in self.design.nuisance and self.design.varies("lr")

    @cached_property
    def effects(self) -> list[Effects]:
        """The effects of the compared factors on both responses."""
        return study_effects(self.tuned, self.design, self.design.compared, self.options.confidence)

    @cached_property
    def marginal_means(self) -> pd.DataFrame:
        """Every level's marginal mean on both responses."""
        return study_means(self.effects, self.tuned, self.design, self.options.confidence)

    @cached_property
    def censoring(self) -> Censoring:
        """Which shares of the tuned cells are censored."""
        return censoring(self.tuned, self.design)

    @cached_property
    def copies(self) -> pd.DataFrame:
        """How many cells of each level are those of another again."""
        return study_copies(self.cells, self.design)

    @property
    def distinct(self) -> int:
        """How many outcomes there are; cells whose curves are the same to the bit share one."""
        return int(self.cells["outcome"].nunique())

    @cached_property
    def winners(self) -> list[Winner]:
        """The winners at each depth; none where nothing was trained."""
        if self.design.untrained:
            return []
        scopes = [(self.design.deepest, self.tuned)]
        if "depth" in self.design.compared:
            scopes = [(int(str(depth)), cells) for depth, cells in self.tuned.groupby("depth", observed=True)]
        return study_winners(scopes, self.design, self.options.confidence)

    @cached_property
    def agreement(self) -> Agreement:
        """Theory against measurement at the first probe; computed when it is first asked for."""
        confidence = self.options.confidence
        return compare(self.probes, self.cells, self.activations, self.initializers, self.manifest, confidence)

    def paired(
        self,
        cells: pd.DataFrame,
        value: str,
        groups: tuple[pd.Series, pd.Series],
        apart: Sequence[str],
        alike: Sequence[str] = (),
    ) -> Difference | None:
        """``differences.paired`` with this study's design and options."""
        return paired(self.design, self.options, cells, value, groups, apart, alike)


def located(frame: pd.DataFrame, keys: pd.Index) -> pd.DataFrame:
    """``frame`` with each row's cell as a number, sorted by cell and step; rows of no cell are left out."""
    frame = frame.assign(row=keys.get_indexer(pd.Index(frame["key"]))).drop(columns="key")
    frame = frame[frame["row"] >= 0]
    return frame.sort_values(["row", "step"], kind="stable", ignore_index=True)


def timed(results: Results, design: Design, curves: pd.DataFrame) -> pd.DataFrame:
    """The cells in the order of their keys, with what their curves and their ends tell of them; see ``Analysis``.

    Args:
        results: the study's.
        design: its design.
        curves: its curves, ``located`` by the cells in this order.
    """
    cells = results.cells.sort_values("key", ignore_index=True)
    for factor in FACTORS:
        levels = pd.Series(leveled(factor, cells[factor].tolist()), dtype=object if factor == "examples" else None)
        cells[factor] = pd.Categorical(levels, categories=list(design.levels[factor]), ordered=True)
    cells["diverged"] = cells["status"] != "finished"
    data = cells["data"].astype(str)
    for place, name in enumerate(TARGETS):
        target = np.array([design.targets[label][place] for label in data], dtype=np.float64)
        gone = cells["diverged"].to_numpy(dtype=bool)
        found = times.time_to_target(curves, target, gone, design.horizon, design.noun)
        cells[f"epochs_{name}"], cells[f"steps_{name}"] = found.epochs, found.steps
        if name == "primary":
            cells["later_than"], cells["no_later_than"] = found.after, found.by
    cells["arrival"] = cells[f"{design.unit}_primary"]
    cells["reached"] = np.isfinite(cells["arrival"])
    cells["time"] = np.minimum(cells["arrival"].to_numpy(), design.horizon)
    # A network that does worse than guessing counts as guessing; what that costs is up to the loss and the targets.
    known, score = results.manifest["data"], design.score
    classes = data.map({label: known[label]["classes"] for label in design.targets})
    cells["chance"] = [score.chance(n) for n in classes]
    kinds = results.manifest["levels"]["loss"]
    losses, splits = cells["loss"].astype(str), cells["split"].astype(str)
    spread = [known[label].get("val_variance", {}).get(split) for label, split in zip(data, splits, strict=True)]
    cap = [
        times.guessing_loss(kinds[loss]["kind"], n, variance)
        for loss, n, variance in zip(losses, classes, spread, strict=True)
    ]
    cells["guessing"] = np.array(cap, dtype=np.float64)
    cells["mean_loss"] = times.mean_loss(curves, cells["guessing"].to_numpy(), design.horizon, design.noun)
    best = cells["best_val_accuracy"].astype(float).clip(lower=score.least)
    cells["accuracy"] = best.where(~cells["diverged"] & best.notna(), cells["chance"])
    tested = cells["test_accuracy"].astype(float).clip(lower=score.least)
    cells["tested"] = tested.where(~cells["diverged"] & tested.notna(), cells["chance"])
    return cells


def effects_of(results: Results, options: Options) -> tuple[Design, list[Effects]]:
    """A study's design, and the effects of its compared factors, for which no measurement of a layer is needed."""
    design = read_design(results.manifest, results.cells, options.nuisance, options.target)
    curves = located(results.curves, pd.Index(np.sort(results.cells["key"])))
    tuned = tuning.tune(timed(results, design, curves), design.compared, design.nuisance, options.tuning)
    return design, study_effects(tuned, design, design.compared, options.confidence)


def analyse(results: Results, options: Options) -> Analysis:
    """Join a study's tables, time every cell to its targets, class its failure, and tune over the nuisance factors."""
    design = read_design(results.manifest, results.cells, options.nuisance, options.target)
    keys = pd.Index(np.sort(results.cells["key"]))
    curves, layers = located(results.curves, keys), located(results.layers, keys)
    cells = timed(results, design, curves)

    probes = health.ends(layers)
    profiles = health.depth_profile(probes)
    last = profiles[profiles["probe"] == "last"].set_index("row").reindex(range(len(cells)))
    cells["clip_share"] = health.clip_share(curves, len(cells))
    still = health.standing_still(curves, len(cells), design.horizon, design.noun)
    bounded = {label: info["bounded"] for label, info in results.manifest["activations"].items()}
    cells["failure"] = health.failure_class(cells, last, still, bounded)

    cells["outcome"] = outcome_numbers(curves, len(cells))
    tuned = tuning.tune(cells, design.compared, design.nuisance, options.tuning)
    cells["tuned"] = cells.index.isin(tuned.index)
    ends = design.period * np.arange(int(design.horizon / design.period) + 1, dtype=np.float64)
    grid = np.unique(np.concatenate([curves[design.noun].to_numpy(dtype=np.float64), ends, [design.horizon]]))
    activations = {label: Activation.of(results.activations, label) for label in cells["activation"].unique()}
    return Analysis(
        design,
        options,
        results.manifest,
        cells,
        cells[cells["tuned"]],
        curves,
        layers,
        probes,
        profiles,
        grid,
        activations,
        results.initializers,
    )
