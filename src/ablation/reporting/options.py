"""How the report is asked to summarize a study."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ablation import UserError
from ablation.records.columns import FACTORS

PROBLEMS = ("data", "split", "examples", "label_noise")
"""Factors of the data: what is set to a network as its problem. They are no choice of which one is the best."""

NEVER_TUNED = ("seed", *PROBLEMS, "depth", "loss")
"""Seeds are blocks, data sets with their splits and views and depths are problems, and the validation losses of two
losses cannot be compared."""

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
