"""Levels without a file in ``conf/``, told to Hydra as if they had one: above all the choices of a user's own files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override

from ablation import UserError
from ablation.levels import shown
from ablation.studies.config.files import read
from ablation.studies.own.files import load
from ablation.studies.registries import ALL, settings_of

KEY = "choices"

_told: list[tuple[str, str]] = []


def put_in_force(conf: Path, study: str | None, overrides: Sequence[Override]) -> None:
    """Read the files that the command line, or else the preset, names, and tell Hydra of the levels that they bring.

    Raises:
        UserError: a file cannot be read or run, or registers what cannot be a choice.
    """
    for override in overrides:
        if override.key_or_group.startswith(f"{KEY}."):
            raise UserError(f"{shown(override.input_line)}: no such key; files are given as {KEY}=[my_choices.py]")
    value = next((each.value() for each in reversed(overrides) if each.key_or_group == KEY), None)
    load(_paths(_of_presets(conf, study) if value is None else value))
    store: Any = ConfigStore.instance()
    for group, kind in _told:
        store.repo[group].pop(f"{kind}.yaml", None)
    _told.clear()
    for factor in ALL:
        for kind in levels_without_file(conf, factor):
            store.store(group=factor, name=kind, node=level(factor, kind))
            _told.append((factor, kind))


def levels_without_file(conf: Path, group: str) -> list[str]:
    """Return the kinds of a group that are registered and have no file of their own in ``conf/``."""
    files = {path.stem for path in (conf / group).glob("*.yaml")}
    return [kind for kind in ALL.get(group, {}) if kind not in files]


def level(factor: str, kind: str) -> dict[str, Any]:
    """Return what a file of the level would hold: its settings as they are without one."""
    return {kind: {"widths": None} if factor == "model" else settings_of(factor, kind)}


def _of_presets(conf: Path, study: str | None) -> Any:
    """Return what ``config.yaml`` and the presets say; what is wrong with those is told where they are arranged."""
    base = read(conf / "config.yaml", "conf/config.yaml")
    value: Any = base.get(KEY)
    if study is None:
        named = (entry.get("study") for entry in base.get("defaults", []) if isinstance(entry, Mapping))
        study = next((str(name) for name in named if name), None)
    return value if study is None else _over(value, conf, study, [])


def _over(value: Any, conf: Path, name: str, above: list[str]) -> Any:
    """Return what a preset, and those that it builds on, put in place of a value."""
    if name in above or name not in [file.stem for file in (conf / "study").glob("*.yaml")]:
        return value
    content = read(conf / "study" / f"{name}.yaml", f"conf/study/{name}.yaml")
    below = content.get("defaults", [])
    for entry in below if isinstance(below, list) else []:
        if isinstance(entry, str) and entry != "_self_":
            value = _over(value, conf, entry.removeprefix("/study/"), [*above, name])
    return content.get(KEY, value)


def _paths(value: Any) -> list[str]:
    given = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(path, str) and path for path in given):
        raise UserError(f"{KEY}={shown(value)}: must be files of Python, as {KEY}=[my_choices.py]")
    seen: set[Path] = set()
    for path in given:
        full = Path(path).expanduser().absolute()
        if full in seen:
            raise UserError(f"{KEY}={shown(given)}: {shown(path)} is there twice; each file may stand once")
        seen.add(full)
    return given
