"""What is refused, in one line: which key, which value, what is allowed."""

import re
from collections.abc import Sequence

from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException

from ablation.datasets.settings import MOVED
from ablation.datasets.sources import SOURCES
from ablation.levels import shown
from ablation.studies.checks import removed
from ablation.studies.config.selection import Selection, closest, no_such_key
from ablation.studies.rates import FACTOR
from ablation.studies.rates import KEY as RATES
from ablation.studies.registries import REGISTRIES, settings_of
from ablation.studies.study import SETTINGS

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
    key = re.match(r"Could not (?:override|delete from config. The key) '([^']+)'", first)
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
        return f"{shown(given)}: {no_such_key(key, [f'{section}.{name}' for name in SETTINGS[section]])}"
    label, _, parameter = rest.partition(".")
    if section == "data" and parameter in MOVED:
        return f"{shown(given)}: {MOVED[parameter]}={shown(given.partition('=')[2] or 0)}"
    if parameter and (names := parameters_of(section, label)) is not None:
        return (
            f"{shown(given)}: {label} has no such parameter; allowed: {', '.join(names) or 'none'}"
            f"{closest(parameter, names)}"
        )
    added = [each.key_or_group for each in overrides]
    if parameter and (label in selection.keys(section) or f"{section}.{label}" in added):
        return f"{shown(given)}: {section}.{label} does not write out such a key; with a + in front it is added"
    known = sorted({*selection.groups, *selection.top} - {"defaults", "hydra"})
    return f"{shown(given)}: {no_such_key(key, known)}"


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
        name = shown(label)
        return (
            f"{given}: {group}={name} is not selected, or has no such key; '+{group}.{name}={{kind: ...}}' adds a level"
        )
    files = sorted(path.stem for path in (selection.conf / group).glob("*.yaml"))
    keys = {name: selection.keys_of(group, [name]) for name in files}
    having = [f"{group}={name}" for name in files if label in keys[name]]
    if having:
        return f"{given}: a key of {', '.join(having)} alone, which is not selected"
    return f"{given}: no such key; allowed: {', '.join(sorted({key for each in keys.values() for key in each}))}"
