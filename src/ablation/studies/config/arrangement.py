"""Overrides and presets brought together: the words that Hydra composes, and the keys that each group is left with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from ablation import UserError
from ablation.levels import shown
from ablation.studies.config.refusals import not_selected, unknown_key
from ablation.studies.config.selection import Selection
from ablation.studies.config.words import raw
from ablation.studies.rates import FACTOR, KEY

LONGEST_KEY = 100
"""Letters of a key that Hydra looks up, as if it were a file."""


@dataclass(frozen=True)
class Arrangement:
    """What is to be composed.

    Attributes:
        study: the preset.
        words: Hydra's.
        keys: the keys of each group, for a factor its levels, in their order.
    """

    study: str
    words: list[str]
    keys: dict[str, list[str]]


def arrange(conf: Path, overrides: Sequence[Override]) -> Arrangement:
    """Decide what the overrides select, add, set and remove over the presets.

    Raises:
        UserError: one of them names what does not exist or is not selected.
    """
    selection = Selection(conf, preset(overrides))
    words = [f"study={selection.study}"]
    keys: dict[str, list[str]] = {}
    for group in selection.groups:
        if group != "study":
            own = [override for override in overrides if override.key_or_group.partition(".")[0] == group]
            more, keys[group] = _of_group(group, own, selection)
            words += more
    for override in overrides:
        section = override.key_or_group.partition(".")[0]
        if section in selection.groups:
            continue
        if len(override.key_or_group) > LONGEST_KEY or not (
            section in selection.top or override.is_add() or override.is_force_add()
        ):
            raise UserError(unknown_key(override.key_or_group, overrides, selection))
        words.append(str(override.input_line))
    return Arrangement(selection.study, words, keys)


def preset(overrides: Sequence[Override]) -> str | None:
    """Return the preset that the command line names, if it names one.

    Raises:
        UserError: it names no single one.
    """
    name = None
    for override in overrides:
        if override.key_or_group.partition(".")[0] == "study":
            name = override.value()
            if override.key_or_group != "study" or override.is_delete() or not isinstance(name, str | int):
                raise UserError("study: must be one preset, as study=core, not a list of them")
    return None if name is None else str(name)


def _of_group(group: str, overrides: Sequence[Override], selection: Selection) -> tuple[list[str], list[str]]:
    """Return Hydra's words for one group, and the keys that it is left with."""
    own = selection.own(group)
    files: list[str] | None = None  # as the command line selects them
    keys = selection.keys(group)
    words: list[str] = []
    for override in overrides:  # what is selected anew, first
        if override.key_or_group == group and not override.is_add() and not override.is_force_add():
            value: Any = override.value()
            if override.is_delete() and value not in (None, ""):
                names = value if isinstance(value, list) else [value]
                keys = [key for key in keys if key not in map(str, names)]
                continue
            if override.is_delete():
                value = {}
            if isinstance(value, Mapping):
                files, keys = [], [str(key) for key in value]
                words += [f"++{group}={raw(override)}"] if value else []
                continue
            names = _names(override, group, selection, own)
            files = [name for name in names if name not in own]
            keys = [key for name in names for key in ([name] if name in own else selection.keys_of(group, [name]))]
            keys = list(dict.fromkeys(keys))
    for override in overrides:  # then what is added
        if not (override.is_add() or override.is_force_add()):
            continue
        value = override.value()
        if override.key_or_group == group and not isinstance(value, Mapping):
            names = [name for name in _names(override, group, selection, own) if name not in own]
            files = [*(selection.selected(group) if files is None else files), *names]
            keys += [key for key in selection.keys_of(group, names) if key not in keys]
            continue
        added = [str(key) for key in value] if override.key_or_group == group else [_label(override, keys)]
        keys += [key for key in added if key not in keys]
        words.append(_word(override, group, added[0]) if added else str(override.input_line))
    for override in overrides:  # then what is set, or taken away
        if override.is_add() or override.is_force_add() or override.key_or_group == group:
            continue
        label = _label(override, keys)
        if label not in keys:
            raise UserError(not_selected(override, group, label, selection))
        rest = override.key_or_group.removeprefix(f"{group}.{label}")
        if override.is_delete() and not rest:
            keys.remove(label)
        else:
            words.append(_word(override, group, label))
    if files is not None and group not in selection.single:
        words.insert(0, f"{group}=[{','.join(files)}]")
    elif files:
        words.insert(0, f"{group}={files[0]}")
    return words, keys


def _names(override: Override, group: str, selection: Selection, own: Sequence[str]) -> list[str]:
    value = override.value()
    if value is None:
        raise UserError(f"{group}=null: must be the name of a level, a string or a list of them")
    if group in selection.single and (isinstance(value, list) or override.is_add() or override.is_force_add()):
        allowed = ", ".join(sorted(path.stem for path in (selection.conf / group).glob("*.yaml")))
        raise UserError(f"{shown(override.input_line)}: {group} is one of {allowed}, not several")
    return [selection.check(group, name, own) for name in (value if isinstance(value, list) else [value])]


def _label(override: Override, keys: Sequence[str]) -> str:
    """Return the level that an override speaks of: the longest of those known, or the first part of its key.

    A level's name may have dots in it, which separate keys; where it is a mapping that is set, all of them belong to
    the name, for no parameter is a mapping.
    """
    parts = override.key_or_group.split(".")[1:]
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in keys:
            return ".".join(parts[:end])
    adds = override.is_add() or override.is_force_add()
    if adds and isinstance(override.value(), Mapping):
        return ".".join(parts)
    if adds and len(parts) > 2:
        group, name = override.key_or_group.split(".")[0], ".".join(parts[:-1])
        raise UserError(
            f"{shown(override.input_line)}: a new level is added as a whole, as '+{group}.{name}={{kind: ..., "
            f"{parts[-1]}: {shown(raw(override))}}}'"
        )
    return parts[0]


def _word(override: Override, group: str, label: str) -> str:
    """Return the override for Hydra, to which a dot in a level's name would be one between keys."""
    rest = override.key_or_group.removeprefix(f"{group}.{label}").removeprefix(".")
    if override.key_or_group == group:
        return f"++{group}={raw(override)}"
    if "." not in label:
        given = str(override.input_line)
        # A level's file has the settings of its rule, of which its learning rates are none: they are added.
        own = (group, rest) == (FACTOR, KEY) and not override.is_delete()
        return f"++{given.lstrip('+')}" if own else given
    if override.is_delete():
        raise UserError(f"{shown(override.input_line)}: a setting of {label} can be given another value, not removed")
    value = f"{{{rest}: {raw(override)}}}" if rest else raw(override)
    return f"++{group}={{{label}: {value}}}"
