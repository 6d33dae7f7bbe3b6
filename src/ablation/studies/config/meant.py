"""What was perhaps meant by a word that is none: the key or the level that it is near to, or that has it in it."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ablation.datasets.sources import SOURCES
from ablation.studies.registries import ALL, settings_of
from ablation.studies.study import NUMBERS, SETTINGS

NEAR = 0.7
"""How alike two words are, by ``difflib``'s ratio, of which one is perhaps the other."""

FEW = 3
"""Keys that are named where several may be meant."""

COMPARED = 100
"""Letters of a word that are compared; of more it would take long."""

ELSEWHERE = {
    "batch": "batch_size",
    "batchnorm": "batch",
    "batch_norm": "batch",
    "bn": "normalization",
    "bs": "batch_size",
    "clip": "clipping",
    "dataset": "data",
    "glorot": "xavier_normal",
    "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform",
    "gradient_clipping": "clipping",
    "he": "he_normal",
    "hidden": "width",
    "hidden_layers": "depth",
    "hidden_size": "width",
    "initialization": "init",
    "initializer": "init",
    "kaiming": "he_normal",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "layers": "depth",
    "learning_rate": "lr",
    "learning_rates": "lr",
    "lrs": "lr",
    "neurons": "width",
    "norm": "normalization",
    "num_layers": "depth",
    "scheduler": "schedule",
    "sigmoid": "logistic",
    "swish": "silu",
    "units": "width",
}
"""Names that other libraries and books have, with ours."""


def name(word: str, allowed: Sequence[str]) -> str | None:
    """Return the one of these names that a word is in other letters, in another library, in full, or nearly."""
    word = word[:COMPARED]
    small = {each.lower(): each for each in allowed}
    plain = word.lower().replace("-", "_")
    found = [plain, ELSEWHERE.get(plain, ""), Path(word).stem.lower()]
    for each in found:
        if each in small:
            return small[each]
    if len(plain) > 1 and (longer := [each for each in allowed if each.lower().startswith(plain)]):
        return min(longer, key=len)
    return next(iter(difflib.get_close_matches(word, allowed, n=1, cutoff=NEAR)), None)


def closest(word: str, allowed: Sequence[str], within: str = "") -> str:
    """Return a question about the name that was perhaps meant, or nothing; ``within`` is what stands before it."""
    found = name(word, allowed)
    return f"; did you mean {within}{found}?" if found else ""


def key(given: str, value: str, selected: dict[str, list[str]]) -> str:
    """Return a question about the override that was perhaps meant by one of a key that does not exist, or nothing.

    Args:
        given: the key.
        value: what was to be set.
        selected: the levels of each group that are selected, and of one whose options have keys of their own, these.
    """
    first, _, rest = given.partition(".")
    last = given.rpartition(".")[2]
    if not rest and (section := section_of(given, selected)):
        return f"; did you mean {section}.{given}={value}?"
    if first in NUMBERS or rest in NUMBERS:
        number = first if first in NUMBERS else rest
        return f"; did you mean {number}={value}?"
    for factor in ALL:  # elu.alpha, relu
        level = name(first, [*ALL[factor]]) if first.lower() in ALL[factor] or first in ELSEWHERE else None
        if level and rest and name(rest, [*settings_of(factor, level)]) == rest:
            return f"; did you mean {_with(factor, level, rest, value, selected)}?"
        if level and not rest:
            return f"; did you mean {factor}={level}?"
    group = name(first, [*ALL, "data"]) if rest else None
    places = list(_having(last, value, selected, group))
    if len(places) == 1 or (group and places):
        return f"; did you mean {places[0]}?"
    if places:
        return f"; it is a parameter of levels, as {', '.join(places[:FEW])}"
    return ""


def word(given: str, program: str) -> str:
    """Return a question about the override that was perhaps meant by a word that is none, or nothing."""
    if program == "report.py" and name(given, presets()) is None and given.isidentifier():
        return f"; did you mean name={given}?"
    for kinds, group in ((presets(), "study"), *(([*ALL[group]], group) for group in ALL), ([*SOURCES], "data")):
        if given.lower() in kinds:
            return f"; did you mean {group}={given.lower()}?"
    return ""


def presets() -> list[str]:
    """Return the names of the presets."""
    return sorted(path.stem for path in (Path(__file__).parents[4] / "conf" / "study").glob("*.yaml"))


def section_of(setting: str, selected: dict[str, list[str]]) -> str | None:
    """Return the section of the config that has a setting of this name."""
    sections = {section: [*keys] for section, keys in SETTINGS.items()}
    sections |= {section: keys for section, keys in selected.items() if section not in (*ALL, "data")}
    return next((section for section, keys in sections.items() if setting in keys), None)


def _having(parameter: str, value: str, selected: dict[str, list[str]], group: str | None) -> Iterator[str]:
    """Yield the overrides that set a parameter of this name, those of levels that are selected first."""
    factors = [factor for factor in ALL if factor != "model" and group in (None, factor)]
    kinds = [(factor, kind) for factor in factors for kind in ALL[factor]]
    for chosen in (True, False):
        for factor, kind in kinds:
            if (kind in selected.get(factor, [])) == chosen and parameter in settings_of(factor, kind):
                yield _with(factor, kind, parameter, value, selected)
    if parameter in SOURCES["table"].defaults and group in (None, "data"):
        yield _with("data", "table", parameter, value, selected)


def _with(factor: str, level: str, parameter: str, value: Any, selected: dict[str, list[str]]) -> str:
    """Return the override of a level's parameter, behind what selects the level where that is not done."""
    chosen = "" if level in selected.get(factor, []) else f"{factor}={level} "
    return f"{chosen}{factor}.{level}.{parameter}={value}"
