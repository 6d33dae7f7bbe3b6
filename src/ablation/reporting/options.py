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

ABOVE = {"confidence": "between 0 and 1", "profile_max_tau": "above 1", "target": "between 0 and 1"}
"""Options that are any number, and where they may lie."""

STYLES = ("paper", "lecture")
"""How figures look: as printed, or as thrown on a wall, with larger type and twice as many pixels."""

DRAWABLE = (
    *("choices", "time_to_target", "success_curves", "batchnorm_vs_clipping", "learning_curves", "rate_sensitivity"),
    *("effect_sizes", "interactions", "time_residuals", "trainable", "delta_norm", "dead_saturated"),
    *("predicted_delta", "phase", "question_initialization", "question_vanishing", "question_elu_relu"),
    *("question_batch_normalization", "question_clipping", "question_symmetry", "question_optimizer"),
    *("question_adaptive", "question_warmup", "question_batch_size", "question_memorize"),
)
"""The names of all figures, as their registries have them: known here, so that a study is refused before it trains."""


@dataclass(frozen=True)
class Options:
    """How the report summarizes; the keys of ``conf/report/default.yaml``."""

    confidence: float = 0.95
    profile_max_tau: float = 4.0
    nuisance: tuple[str, ...] = ("lr",)
    tuning: str = NESTED
    workers: int | None = None
    """How many processes draw; as many as there are cores where it is None. Of no account for what is drawn."""
    figures: tuple[str, ...] = ()
    """The figures that are made, by their names; all that apply where there is none."""
    target: float | None = None
    """The score that counts as the target in place of the data's primary one."""
    style: str = STYLES[0]
    title: str | None = None
    """What stands above the figure, where there is one alone, in place of its finding."""

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise UserError(f"report.workers={self.workers}: must be null or a whole number from 1 to 1024")
        if self.tuning not in TUNINGS:
            raise UserError(f"report.tuning={self.tuning}: must be {' or '.join(TUNINGS)}")
        for name in self.figures:
            if name not in DRAWABLE:
                raise UserError(f"report.figures={name}: unknown; allowed are {', '.join(DRAWABLE)}")
        if self.style not in STYLES:
            raise UserError(f"report.style={self.style}: must be {' or '.join(STYLES)}")
        if self.title is not None and len(self.figures) != 1:
            raise UserError(f"report.title={self.title}: only for one figure, as with report.figures=[delta_norm]")
        if self.target is not None and not 0 < self.target < 1:
            raise UserError(f"report.target={self.target}: must be null or a number between 0 and 1")
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
            if key == "target" and value is None:
                continue
            if key in ABOVE and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise UserError(f"report.{key}={value}: must be a number {ABOVE[key]}")
            if key == "title" and not isinstance(value, str | None):
                raise UserError(f"report.title={value}: must be null or a text in quotation marks")
        lists = {
            "nuisance": several(config, "nuisance", cls.nuisance, "factors, as [lr] or []"),
            "figures": several(config, "figures", (), "figures, as [time_to_target], or null"),
        }
        return cls(**{**config, **lists})

    def overrides(self) -> list[str]:
        """What stands on a command line for those of the options that are not the defaults and decide what is said."""
        given = []
        for item in fields(self):
            value = getattr(self, item.name)
            if value != item.default and item.name != "workers":
                text = f"[{','.join(value)}]" if isinstance(value, tuple) else value
                if item.name == "title":  # quoted as Hydra asks for it
                    text = "'" + value.replace("'", r"\'") + "'"
                given.append(f"report.{item.name}={text}")
        return given


def several(config: Mapping[str, Any], key: str, default: tuple[str, ...], what: str) -> tuple[Any, ...]:
    """A list of names in the config, of which one may stand alone, and null for none."""
    given = config.get(key, default)
    if given is not None and not isinstance(given, str | list | tuple):
        raise UserError(f"report.{key}={given}: must be a list of {what}")
    return (given,) if isinstance(given, str) else tuple(given or ())
