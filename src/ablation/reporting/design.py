"""What a study compares: its factors, the order of their levels, and its clock.

Two factors are never compared: a *seed* is a block (cells that share one share their batch order and their standard
draws), and a *nuisance* factor such as the learning rate is tuned over, so that every choice is seen at its best.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import pandas as pd

from ablation import UserError
from ablation.records.columns import FACTORS, ORDINAL
from ablation.records.horizon import UNITS, horizon_of
from ablation.reporting.naming import Label, Shown, labels, shorten
from ablation.reporting.options import PROBLEMS
from ablation.reporting.scoring import ACCURACY, SCORES, Score

WHOLE = "all"
"""The level of *examples* at which the whole training part is trained on, however many examples a data set has."""

ACTIVATIONS = "identity logistic tanh relu leaky_relu elu selu gelu silu softplus".split()
"""Activations by meaning: linear, bounded, piecewise linear, smooth. Others follow in the order of the config."""

TARGETS = ("easy", "primary", "hard")
"""The three scores in validation that a data set aims at, in the order of its config."""


@dataclass(frozen=True)
class Design:
    """The factors of one study, their levels in the order in which tables and figures show them, and its clock.

    Attributes:
        horizon: what all cells are given, in ``unit``.
        soonest: the first evaluation behind the start, likewise.
        unit: what times are counted in, epochs or steps; the noun for one is a column of the curves.
        period: from one end at which every cell is evaluated to the next, in ``unit``.
        rates: the learning rates that each level of optimizer was given, ascending.
        brings: those of them that brought their own.
        score: what says how good a network is, of which the targets are.
    """

    name: str
    levels: Mapping[str, tuple[Label, ...]]
    nuisance: tuple[str, ...]
    horizon: float
    targets: Mapping[str, tuple[float, float, float]]
    soonest: float = 1.0
    unit: str = "epochs"
    period: float = 1.0
    rates: Mapping[Label, tuple[Label, ...]] = field(default_factory=dict)
    brings: frozenset[Label] = frozenset()
    score: Score = ACCURACY
    compared: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        aside = {"seed", *self.nuisance}
        varying = tuple(factor for factor in FACTORS if factor not in aside and len(self.levels[factor]) > 1)
        # A study in which nothing varies still needs a name for its only row, and not one that is tuned over.
        single = next(factor for factor in ("activation", *FACTORS) if factor not in aside)
        object.__setattr__(self, "compared", varying or (single,))

    @property
    def choices(self) -> tuple[str, ...]:
        """Those of the compared factors that are choices; where all are problems, one that does not vary."""
        chosen = tuple(factor for factor in self.compared if factor not in PROBLEMS)
        aside = {"seed", *PROBLEMS, *self.nuisance}
        return chosen or (next(factor for factor in ("activation", *FACTORS) if factor not in aside),)

    @property
    def seeds(self) -> int:
        """The number of blocks."""
        return len(self.levels["seed"])

    @property
    def deepest(self) -> Label:
        """The largest depth of the study."""
        return self.levels["depth"][-1]

    @property
    def goal(self) -> str:
        """The primary target in words."""
        primary = {targets[1] for targets in self.targets.values()}
        return self.score.goal(primary.pop()) if len(primary) == 1 else "the data set's primary target"

    @property
    def noun(self) -> str:
        """One of the units in which times are counted."""
        return UNITS[self.unit]

    @property
    def length(self) -> str:
        """The horizon in words: "15 epochs"."""
        return self.time(self.horizon)

    def time(self, number: float) -> str:
        """A time in words: "1 epoch", "2,000 steps"."""
        return plural(number, self.noun)

    def in_units(self, text: str) -> str:
        """A heading with the unit for ``{unit}``, or for ``{Unit}`` where it begins with it."""
        return text.replace("{unit}", self.unit).replace("{Unit}", self.unit.capitalize())

    @property
    def untrained(self) -> bool:
        """Whether the study trains for no epoch."""
        return self.horizon <= 0

    @cached_property
    def labels(self) -> Mapping[str, Shown]:
        """By factor, every level as it is read in full; no two of a factor are alike."""
        return {factor: labels(levels) for factor, levels in self.levels.items()}

    def short(self, factor: str, level: Label, most: int = 22) -> str:
        """A level's label in about ``most`` characters; no two of a factor are alike."""
        return short(tuple(self.labels[factor].items()), most)[level]

    def varies(self, factor: str) -> bool:
        """Whether the study compares more than one level of ``factor``; learning rates, within an optimizer."""
        if factor == "lr" and factor in self.nuisance and self.rates:
            return any(len(rates) > 1 for rates in self.rates.values())
        return len(self.levels[factor]) > 1

    def tried(self, factor: str, optimizer: Label) -> tuple[Label, ...]:
        """The levels of ``factor`` that a level of optimizer was given, ascending where they are numbers."""
        return self.rates.get(optimizer, self.levels[factor]) if factor == "lr" else self.levels[factor]

    @property
    def own_rates(self) -> bool:
        """Whether the optimizers have different lists of learning rates, so that a rate has no common meaning."""
        return len(set(self.rates.values())) > 1

    def reference(self, factor: str) -> Label:
        """The level that the others are held against: ``none``, or else the first."""
        return reference(self.levels[factor])


@cache
def short(shown: tuple[tuple[Label, str], ...], most: int) -> Shown:
    """``naming.shorten``, once for a factor and width."""
    return shorten(dict(shown), most)


def read_design(
    manifest: Mapping[str, Any], cells: pd.DataFrame, nuisance: Sequence[str], target: float | None = None
) -> Design:
    """The design that ``manifest.json`` describes, its levels ordered by meaning.

    A level that occurs in the cells and not in the manifest comes last rather than be dropped. A ``target`` takes the
    place of every data set's primary one; an easier or harder one that it passes moves with it.

    Raises:
        UserError: the manifest has no three targets, or there are no curves for another one.
    """
    levels = {}
    for factor in FACTORS:
        given = [*manifest["factors"].get(factor, ()), *cells[factor].unique().tolist()]
        listed = list(dict.fromkeys(leveled(factor, given)))
        if factor in ORDINAL:
            listed.sort(key=lambda level: (level == WHOLE, level))
        elif factor == "activation":
            listed.sort(key=lambda label: ACTIVATIONS.index(label) if label in ACTIVATIONS else len(ACTIVATIONS))
        levels[factor] = tuple(listed)
    for data in levels["data"]:
        if len(manifest["targets"].get(data, ())) != len(TARGETS):
            raise UserError(f"manifest.json: targets.{data} must be {len(TARGETS)} scores")
    targets = {str(data): tuple(manifest["targets"][data]) for data in levels["data"]}
    unit, horizon = horizon_of(manifest)
    if target is not None:
        if horizon <= 0:
            raise UserError(f"report.target={target:g}: {manifest['name']} trains for no epoch; must be null")
        targets = {data: (min(easy, target), target, max(hard, target)) for data, (easy, _, hard) in targets.items()}
    training = manifest["config"]["training"]
    period = 1.0 if unit == "epochs" else horizon / training["epochs"]
    soonest = period * min([1.0, *training.get("evaluations", ())])
    pairs = cells[["optimizer", "lr"]].drop_duplicates()
    found = {level: pairs["lr"][pairs["optimizer"] == level].tolist() for level in levels["optimizer"]}
    rates: dict[Label, tuple[Label, ...]] = {level: tuple(sorted(own)) for level, own in found.items() if own}
    described = manifest["levels"].get("optimizer", {})
    brings = frozenset(label for label in rates if "lr" in described.get(str(label), {}))
    clock = (horizon, targets, soonest, unit, period)
    return Design(manifest["name"], levels, tuple(nuisance), *clock, rates, brings, score_of(manifest))


def leveled(factor: str, values: Iterable[Any]) -> list[Label]:
    """The levels in a column of cells, or in a manifest; of the examples, none is ``WHOLE``."""
    if factor != "examples":
        return list(values)
    return [WHOLE if value is None or value != value else int(value) for value in values]


def score_of(manifest: Mapping[str, Any]) -> Score:
    """What says how good a study's networks are: of data that do not say their task, which is older, accuracy.

    Raises:
        UserError: there are data of two tasks, whose scores cannot be compared, or of an unknown one.
    """
    tasks = {data.get("task", "classification") for data in manifest["data"].values()} or {"classification"}
    if len(tasks) != 1 or not tasks <= {*SCORES}:
        raise UserError(
            f"manifest.json: data.*.task is {', '.join(sorted(map(str, tasks)))}; must be one of {', '.join(SCORES)}"
        )
    return SCORES[tasks.pop()]


def reference(levels: Sequence[Label]) -> Label:
    """Of these levels the one to start from: ``none``, or ``all``, or else the first."""
    return next((level for level in ("none", WHOLE) if level in levels), levels[0])


def plural(number: float, noun: str) -> str:
    """A number with its noun: "1 epoch", "2.5 epochs", "3,240 cells"."""
    text = f"{number:,.0f}" if float(number).is_integer() else digits(number, 4)
    return f"{text} {noun}" if number == 1 else f"{text} {noun}s"


def digits(number: float, most: int = 3, sign: str = "") -> str:
    """A number with so many digits, and with more rather than as a power of ten: "0.25", "12.3", "1,234"."""
    text = f"{number:{sign}.{most}g}"
    return f"{number:{sign},.0f}" if "e+" in text else text
