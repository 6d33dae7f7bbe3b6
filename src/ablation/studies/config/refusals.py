"""What is refused, in one line: which key, which value, what is allowed."""

import re
from collections.abc import Sequence

from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException

from ablation.datasets.settings import MOVED
from ablation.datasets.sources import SOURCES
from ablation.levels import shown
from ablation.studies.checks import removed
from ablation.studies.config import meant
from ablation.studies.config.meant import closest
from ablation.studies.config.selection import Selection
from ablation.studies.rates import FACTOR
from ablation.studies.rates import KEY as RATES
from ablation.studies.registries import REGISTRIES, settings_of
from ablation.studies.study import SETTINGS

MORE = "; docs/studies.md has what can be set, docs/adding.md how a choice of your own is added"
"""What is said where nothing is near."""

MESSAGE = 300
"""Letters of a message of Hydra's that are repeated."""


def one_line(error: Exception, overrides: Sequence[Override], selection: Selection) -> str:
    """Return what Hydra or OmegaConf refused."""
    if isinstance(error, RecursionError):
        return "the config: is nested too deep, or refers to itself"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return f"conf/{error.missing_cfg_file}: is selected in a file of conf/, but is not there"
    cause: BaseException = error
    while not str(cause) and cause.__cause__ is not None:
        cause = cause.__cause__
    for override in overrides:
        section, _, name = override.key_or_group.partition(".")
        # Of one that is null, Hydra says that it is not there.
        if override.is_delete() and name in SETTINGS.get(section, {}):
            return removed(override.key_or_group)
    first = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    key = re.match(r"Could not (?:override|delete from config\.(?: The key)?) '([^']+)'", first)
    if key:
        return unknown_key(key[1], overrides, selection)
    full_key = re.search(r"full_key: (\S+)", str(error))
    where = full_key[1] if full_key else shown(" ".join(str(override.input_line) for override in overrides))
    return f"{where or 'the config'}: {shown(first, MESSAGE)}"


def unknown_key(key: str, overrides: Sequence[Override], selection: Selection) -> str:
    """Name the keys that exist beside one that does not."""
    given = next((str(each.input_line) for each in overrides if each.key_or_group == key), key)
    section, _, rest = key.partition(".")
    if rest and section in SETTINGS:
        names = [*SETTINGS[section]]
        other = (
            f"; did you mean {shown(given.removeprefix(f'{section}.'))}?"
            if rest in (*selection.groups, *selection.top)
            else ""
        )
        allowed = ", ".join(f"{section}.{name}" for name in names)
        return f"{shown(given)}: no such key; allowed: {allowed}{other or closest(rest, names, f'{section}.')}"
    label, _, parameter = rest.partition(".")
    if section == "data" and parameter in MOVED:
        return f"{shown(given)}: {MOVED[parameter]}={shown(given.partition('=')[2] or 0)}"
    if parameter and (own := parameters_of(section, label)) is not None:
        if parameter in own and given.startswith("~"):
            return f"{shown(given)}: {key} is not set here, so there is nothing to remove"
        return (
            f"{shown(given)}: {label} has no such parameter; allowed: {', '.join(own) or 'none'}"
            f"{closest(parameter, own)}"
        )
    added = any(each.key_or_group == f"{section}.{label}" for each in overrides)
    if parameter and (added or label in selection.keys(section)):
        return f"{shown(given)}: {section}.{label} does not write out such a key; with a + in front it is added"
    known = sorted({*selection.groups, *selection.top} - {"defaults", "hydra"})
    selected = {group: _selected(group, overrides, selection) for group in selection.groups if group != "study"}
    near = closest(key, known) or meant.key(key, given.partition("=")[2], selected) or MORE
    return f"{shown(given)}: no such key; allowed: {', '.join(known)}{near}"


def _selected(group: str, overrides: Sequence[Override], selection: Selection) -> list[str]:
    """Return the levels of a group as far as the command line selects them by their names, or else the presets."""
    for override in reversed(overrides):
        if override.key_or_group == group and isinstance(value := override.value(), str | list):
            return [str(each) for each in (value if isinstance(value, list) else [value])]
    return selection.keys(group)


def parameters_of(section: str, label: str) -> list[str] | None:
    """Return the parameters of a level that has the name of its kind; none of any other level."""
    if section == "data":
        return sorted(SOURCES[label].defaults) if label in SOURCES else None
    if label not in REGISTRIES.get(section, {}):
        return None
    return [*settings_of(section, label), *([RATES] if section == FACTOR else [])]


def not_selected(override: Override, group: str, label: str, selection: Selection) -> str:
    """Say why an override of a level or of a setting cannot act."""
    given = shown(override.input_line)
    if group not in selection.single:
        name, there = shown(label), selection.keys(group)
        if override.is_delete():
            return f"{given}: {group}={name} is not selected; selected are {', '.join(map(shown, there))}"
        text = str(override.input_line).partition("=")[2]
        near = meant.key(override.key_or_group, shown(text), {group: there})
        return f"{given}: {group}={name} is not selected{near or f'; +{group}.{name}={{kind: ...}} adds a level'}"
    files = sorted(path.stem for path in (selection.conf / group).glob("*.yaml"))
    keys = {name: selection.keys_of(group, [name]) for name in files}
    having = [f"{group}={name}" for name in files if label in keys[name]]
    if having:
        return f"{given}: a key of {', '.join(having)} alone, which is not selected"
    return f"{given}: no such key; allowed: {', '.join(sorted({key for each in keys.values() for key in each}))}"
