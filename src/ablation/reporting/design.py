"""What a study compares: its factors, the order of their levels, and how the report is asked to summarize it.

Two factors are never compared: a *seed* is a block (cells that share one share their batch order and their standard
draws), and a *nuisance* factor such as the learning rate is tuned over, so that every choice is seen at its best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from ablation import UserError
from ablation.studies.records import FACTORS

ORDINAL = ("depth", "width", "batch_size", "lr", "seed")
"""Factors whose levels are numbers; they stand in ascending order everywhere."""

ACTIVATIONS = "identity logistic tanh relu leaky_relu elu selu gelu silu softplus".split()
"""Activations by meaning: linear, bounded, piecewise linear, smooth. Others follow in the order of the config."""

TARGETS = ("easy", "primary", "hard")
"""The three validation accuracies of a data set, in the order of its config."""

Level = str | int | float


@dataclass(frozen=True)
class Options:
    """How the report summarizes; the keys of ``conf/report/default.yaml``."""

    bootstrap: int = 2000
    bootstrap_seed: int = 0
    confidence: float = 0.95
    profile_max_tau: float = 4.0
    nuisance: tuple[str, ...] = ("lr",)

    def __post_init__(self) -> None:
        if self.bootstrap < 1:
            raise UserError(f"report.bootstrap={self.bootstrap}: must be 1 or more")
        if self.bootstrap_seed < 0:
            raise UserError(f"report.bootstrap_seed={self.bootstrap_seed}: must be 0 or more")
        if not 0 < self.confidence < 1:
            raise UserError(f"report.confidence={self.confidence}: must lie between 0 and 1")
        if not 1 < self.profile_max_tau < float("inf"):
            raise UserError(f"report.profile_max_tau={self.profile_max_tau}: must be a number above 1")
        for factor in self.nuisance:
            if factor not in FACTORS or factor in ("seed", "data", "depth"):
                allowed = ", ".join(name for name in FACTORS if name not in ("seed", "data", "depth"))
                raise UserError(f"report.nuisance={factor}: cannot be tuned over; allowed are {allowed}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Options":
        """The options in a plain mapping; a key that is missing keeps its default."""
        known = [item.name for item in fields(cls)]
        for key in config:
            if key not in known:
                raise UserError(f"report.{key}: unknown; allowed are {', '.join(known)}")
        nuisance = config.get("nuisance", cls.nuisance)
        names = (nuisance,) if isinstance(nuisance, str) else tuple(nuisance or ())
        return cls(**{**config, "nuisance": names})


@dataclass(frozen=True)
class Design:
    """The factors of one study, their levels in the order in which tables and figures show them, and its horizon."""

    name: str
    levels: Mapping[str, tuple[Level, ...]]
    nuisance: tuple[str, ...]
    horizon: float
    targets: Mapping[str, tuple[float, float, float]]
    compared: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        aside = {"seed", *self.nuisance}
        varying = tuple(factor for factor in FACTORS if factor not in aside and len(self.levels[factor]) > 1)
        # A study in which nothing varies still needs a name for its only row.
        object.__setattr__(self, "compared", varying or ("activation",))

    @property
    def seeds(self) -> int:
        """The number of blocks."""
        return len(self.levels["seed"])

    @property
    def deepest(self) -> Level:
        """The largest depth of the study."""
        return self.levels["depth"][-1]

    @property
    def goal(self) -> str:
        """The primary target in words."""
        primary = {targets[1] for targets in self.targets.values()}
        return (
            f"{100 * primary.pop():.3g}% validation accuracy" if len(primary) == 1 else "the data set's primary target"
        )

    def varies(self, factor: str) -> bool:
        """Whether the study compares more than one level of ``factor``."""
        return len(self.levels[factor]) > 1

    def reference(self, factor: str) -> Level:
        """The level at which a factor is held where a figure cannot show it: ``none``, or else the first."""
        return "none" if "none" in self.levels[factor] else self.levels[factor][0]


def read_design(manifest: Mapping[str, Any], cells: pd.DataFrame, nuisance: Sequence[str]) -> Design:
    """The design that ``manifest.json`` describes, its levels ordered by meaning.

    A level that occurs in the cells and not in the manifest comes last rather than be dropped.
    """
    levels = {}
    for factor in FACTORS:
        listed = list(dict.fromkeys([*manifest["factors"].get(factor, ()), *cells[factor].unique().tolist()]))
        if factor in ORDINAL:
            listed.sort()
        elif factor == "activation":
            listed.sort(key=lambda label: ACTIVATIONS.index(label) if label in ACTIVATIONS else len(ACTIVATIONS))
        levels[factor] = tuple(listed)
    for data in levels["data"]:
        if len(manifest["targets"].get(data, ())) != len(TARGETS):
            raise UserError(f"manifest.json: targets.{data} must be {len(TARGETS)} validation accuracies")
    targets = {str(data): tuple(manifest["targets"][data]) for data in levels["data"]}
    return Design(manifest["name"], levels, tuple(nuisance), float(manifest["horizon"]["epochs"]), targets)


def label(level: object) -> str:
    """A level as it is printed: numbers short, everything else as it is."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def shorten(level: object, most: int = 22) -> str:
    """A level's label in at most ``most`` characters, an ellipsis in its middle; its ends tell long names apart."""
    text = " ".join(label(level).split())
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - most :]}"
