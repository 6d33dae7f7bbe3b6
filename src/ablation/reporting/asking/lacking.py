"""What a study lacks for an answer, in words, and how one gets it."""

from collections.abc import Mapping, Sequence

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import of_kind, parameters, unlike_zeros
from ablation.reporting.wording.phrases import listed

PRESET = "study=course"
"""The study that holds every level that most questions ask for."""


def variant(analysis: Analysis, placement: str, inputs: bool = False) -> str:
    """An override that adds this study's batch normalization at another place, under a name of its own."""
    level = of_kind(analysis, "normalization", "batch")[0]
    settings = {**parameters(analysis, "normalization", level), "placement": placement, "input": inputs}
    name = f"batch_{'input' if inputs else placement}"
    text = ", ".join(f"{key}: {str(value).lower()}" for key, value in sorted(settings.items()))
    return f"'+normalization.{name}={{{text}}}'"


def lacking(what: Sequence[str], overrides: Sequence[str], preset: str = PRESET) -> str:
    """A line that says what the study lacks and two ways to get it; nothing where it lacks nothing."""
    if not what:
        return ""
    return (
        f"Missing in this study: {listed(what)}. The preset {preset} has every level; here "
        f"{'it is' if len(overrides) == 1 else 'they are'} added by {' '.join(overrides)}."
    )


def lacking_of(lacks: Mapping[str, tuple[bool, str]], preset: str = PRESET) -> str:
    """The same of all that a question asks for: by its name, whether it is lacking, and the override that adds it."""
    found = {name: override for name, (is_lacking, override) in lacks.items() if is_lacking}
    return lacking([*found], [*found.values()], preset)


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
