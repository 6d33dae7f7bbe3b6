"""Which levels of a study a question asks for, and how one gets those that the study lacks.

Levels are found by their kind and parameters, not by their names: ``elu_2: {kind: elu, alpha: 2.0}`` is an ELU.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import Level

PRESET = "study=course"
"""The study that holds every level that the questions ask for."""


def parameters(analysis: Analysis, factor: str, level: Level) -> Mapping[str, Any]:
    """A level's kind and parameters."""
    found: Mapping[str, Any] = analysis.manifest["levels"][factor].get(str(level), {"kind": str(level)})
    return found


def of_kind(analysis: Analysis, factor: str, *kinds: str) -> list[Level]:
    """The levels of these kinds, in the design's order."""
    return [level for level in analysis.design.levels[factor] if parameters(analysis, factor, level)["kind"] in kinds]


def bounded(analysis: Analysis) -> list[Level]:
    """The activations that level off on both sides: those that can saturate for good."""
    known = analysis.manifest["activations"]
    return [level for level in analysis.design.levels["activation"] if known.get(str(level), {}).get("bounded")]


def batches(analysis: Analysis, placement: str = "before", inputs: bool = False) -> list[Level]:
    """The levels of batch normalization that stand there, on the network's inputs too or not."""
    wanted = (placement, inputs)
    return [
        level
        for level in of_kind(analysis, "normalization", "batch")
        if (of := parameters(analysis, "normalization", level)).get("placement", "before") == wanted[0]
        and of.get("input", False) == wanted[1]
    ]


def unlike_zeros(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells whose weights do not all begin alike: those that do belong to the question on symmetry alone."""
    return pd.DataFrame(cells[~cells["init"].isin(of_kind(analysis, "init", "zeros"))])


def variant(analysis: Analysis, **changes: Any) -> str:
    """An override that adds this study's batch normalization with some parameters changed, under a name of its own."""
    level = of_kind(analysis, "normalization", "batch")[0]
    settings = {**parameters(analysis, "normalization", level), **changes}
    name = "batch_" + "_".join("input" if value is True else str(value) for value in changes.values())
    text = ", ".join(f"{key}: {str(value).lower()}" for key, value in sorted(settings.items()))
    return f"'+normalization.{name}={{{text}}}'"


def lacking(what: Sequence[str], overrides: Sequence[str]) -> str:
    """A line that says what the study lacks and two ways to get it; nothing where it lacks nothing."""
    if not what:
        return ""
    names = what[0] if len(what) == 1 else f"{', '.join(what[:-1])} and {what[-1]}"
    return (
        f"Missing in this study: {names}. The preset {PRESET} has every level that these questions ask for; here "
        f"{'it is' if len(overrides) == 1 else 'they are'} added by {' '.join(overrides)}."
    )


def obstacle(analysis: Analysis, *factors: str) -> str:
    """A line where the report tunes over a factor that is to be compared, or all weights begin alike; else nothing."""
    found = [factor for factor in factors if factor in analysis.design.nuisance and analysis.design.varies(factor)]
    if found:
        return f"The report tunes over {' and '.join(found)}: there are no levels to compare."
    if unlike_zeros(analysis, analysis.tuned).empty:
        if "init" in analysis.design.nuisance:
            return "The report tunes over init, and is left with no cell of random weights."
        return lacking(["an initializer of random weights"], ["+init.he_normal={}"])
    return ""
