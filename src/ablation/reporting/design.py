"""What a study compares: its factors, the order of their levels, and how the report is asked to summarize it.

Two factors are never compared: a *seed* is a block (cells that share one share their batch order and their standard
draws), and a *nuisance* factor such as the learning rate is tuned over, so that every choice is seen at its best.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any

import pandas as pd

from ablation import UserError
from ablation.records.columns import FACTORS
from ablation.records.horizon import UNITS, horizon_of
from ablation.reporting.naming import Label, Shown, labels, shorten

ORDINAL = ("depth", "width", "batch_size", "lr", "split", "examples", "label_noise", "seed")
"""Factors whose levels are numbers; they stand in ascending order everywhere."""

WHOLE = "all"
"""The level of *examples* at which the whole training part is trained on, however many examples a data set has."""

ACTIVATIONS = "identity logistic tanh relu leaky_relu elu selu gelu silu softplus".split()
"""Activations by meaning: linear, bounded, piecewise linear, smooth. Others follow in the order of the config."""

PROBLEMS = ("data", "split", "examples", "label_noise")
"""Factors of the data: what is set to a network as its problem. They are no choice of which one is the best."""

NEVER_TUNED = ("seed", *PROBLEMS, "depth", "loss")
"""Seeds are blocks, data sets with their splits and views and depths are problems, and the validation losses of two
losses cannot be compared."""

TARGETS = ("easy", "primary", "hard")
"""The three validation accuracies of a data set, in the order of its config."""

NESTED, SAME = TUNINGS = ("nested", "same")
"""How the setting of a nuisance factor is chosen: for each seed by the others, or by all of them."""

ABOVE = {"confidence": "between 0 and 1", "profile_max_tau": "above 1"}
"""Options that are any number, and where they may lie."""


@dataclass(frozen=True)
class Options:
    """How the report summarizes; the keys of ``conf/report/default.yaml``."""

    confidence: float = 0.95
    profile_max_tau: float = 4.0
    nuisance: tuple[str, ...] = ("lr",)
    tuning: str = NESTED
    workers: int | None = None
    """How many processes draw; as many as there are cores where it is None. Of no account for what is drawn."""

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise UserError(f"report.workers={self.workers}: must be null or a whole number from 1 to 1024")
        if self.tuning not in TUNINGS:
            raise UserError(f"report.tuning={self.tuning}: must be {' or '.join(TUNINGS)}")
        if not 0 < self.confidence < 1:
            raise UserError(f"report.confidence={self.confidence}: must be a number between 0 and 1")
        if not 1 < self.profile_max_tau < float("inf"):
            raise UserError(f"report.profile_max_tau={self.profile_max_tau}: must be a number above 1")
        allowed = [name for name in FACTORS if name not in NEVER_TUNED]
        for place, factor in enumerate(self.nuisance):
            if factor not in allowed:
                raise UserError(f"report.nuisance={factor}: cannot be tuned over; allowed are {', '.join(allowed)}")
            if factor in self.nuisance[:place]:
                raise UserError(
                    f"report.nuisance=[{','.join(self.nuisance)}]: {factor} is there twice; each factor may stand once"
                )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Options":
        """The options in a plain mapping; a key that is missing keeps its default.

        Raises:
            UserError: a key is unknown, or its value is of the wrong type or out of range.
        """
        known = [item.name for item in fields(cls)]
        if not isinstance(config, Mapping):
            raise UserError(f"report={config}: must be a mapping with the keys {', '.join(known)}")
        for key, value in config.items():
            if key not in known:
                raise UserError(f"report.{key}: unknown; allowed are {', '.join(known)}")
            if key == "workers" and (isinstance(value, bool) or not isinstance(value, int | None)):
                raise UserError(f"report.workers={value}: must be null or a whole number from 1 to 1024")
            if key in ABOVE and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise UserError(f"report.{key}={value}: must be a number {ABOVE[key]}")
        nuisance = config.get("nuisance", cls.nuisance)
        if nuisance is not None and not isinstance(nuisance, str | list | tuple):
            raise UserError(f"report.nuisance={nuisance}: must be a list of factors, as [lr] or []")
        names = (nuisance,) if isinstance(nuisance, str) else tuple(nuisance or ())
        return cls(**{**config, "nuisance": names})

    def overrides(self) -> list[str]:
        """What stands on a command line for those of the options that are not the defaults and decide what is said."""
        given = []
        for item in fields(self):
            value = getattr(self, item.name)
            if value != item.default and item.name != "workers":
                text = f"[{','.join(value)}]" if isinstance(value, tuple) else value
                given.append(f"report.{item.name}={text}")
        return given


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
        return (
            f"{100 * primary.pop():.3g}% validation accuracy" if len(primary) == 1 else "the data set's primary target"
        )

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


def read_design(manifest: Mapping[str, Any], cells: pd.DataFrame, nuisance: Sequence[str]) -> Design:
    """The design that ``manifest.json`` describes, its levels ordered by meaning.

    A level that occurs in the cells and not in the manifest comes last rather than be dropped.
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
            raise UserError(f"manifest.json: targets.{data} must be {len(TARGETS)} validation accuracies")
    targets = {str(data): tuple(manifest["targets"][data]) for data in levels["data"]}
    unit, horizon = horizon_of(manifest)
    training = manifest["config"]["training"]
    period = 1.0 if unit == "epochs" else horizon / training["epochs"]
    soonest = period * min([1.0, *training.get("evaluations", ())])
    pairs = cells[["optimizer", "lr"]].drop_duplicates()
    found = {level: pairs["lr"][pairs["optimizer"] == level].tolist() for level in levels["optimizer"]}
    rates: dict[Label, tuple[Label, ...]] = {level: tuple(sorted(own)) for level, own in found.items() if own}
    described = manifest["levels"].get("optimizer", {})
    brings = frozenset(label for label in rates if "lr" in described.get(str(label), {}))
    clock = (horizon, targets, soonest, unit, period)
    return Design(manifest["name"], levels, tuple(nuisance), *clock, rates, brings)


def leveled(factor: str, values: Iterable[Any]) -> list[Label]:
    """The levels in a column of cells, or in a manifest; of the examples, none is ``WHOLE``."""
    if factor != "examples":
        return list(values)
    return [WHOLE if value is None or value != value else int(value) for value in values]


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
