"""Which levels a factor has: who selects them last decides, and a body adds to its own file's selection alone.

Hydra merges: levels whose parameters a preset sets in its body stay, whatever is selected over it. Here instead the
config is read in layers: ``conf/config.yaml``, then the presets, each over the one that it builds on, then the command
line. A layer that selects levels of a group replaces those of the layers below; the keys that its body sets under the
group are added. So what a body says of a level that was not selected over it is ignored, and of one that was, kept.

The same holds for the settings of ``engine``, ``tracking`` and ``report``, whose options have keys of their own.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablation import UserError
from ablation.levels import shown
from ablation.studies.config import meant
from ablation.studies.config.files import is_global, line_of, read
from ablation.studies.config.meant import closest
from ablation.studies.config.own import levels_without_file
from ablation.studies.registries import ALL
from ablation.studies.study import SETTINGS

OVERRIDE = re.compile(r"override\s+/(\w+)")
"""How a preset selects levels of a group."""

EXAMPLE = "docs/studies.md has a preset in ten lines"
"""Where one is to be seen."""


@dataclass(frozen=True)
class Layer:
    """What a file of the config says of the groups.

    Attributes:
        selects: the files that it selects, by group.
        keys: the keys that its body sets, by group.
    """

    selects: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)


class Selection:
    """The layers of a config up to a preset.

    Args:
        conf: the folder of the config files.
        study: the preset; none takes that of ``config.yaml``.

    Attributes:
        conf: the folder.
        groups: the folders in it.
        single: those of them of which one file is selected, not several: they are no factors.
        top: the keys of ``config.yaml``.
        study: the preset's name.

    Raises:
        UserError: a file is missing, cannot be read, or says what a config does not.
    """

    def __init__(self, conf: Path, study: str | None) -> None:
        self.conf = conf
        self.groups = sorted(path.name for path in conf.iterdir() if path.is_dir())
        base = self._read("config")
        selects: dict[str, list[str]] = {}
        for entry in _defaults(base, "conf/config.yaml"):
            for key, value in entry.items() if isinstance(entry, Mapping) else ():
                selects[str(key)] = _names(value)
        self.single = {
            group
            for entry in base["defaults"]
            if isinstance(entry, Mapping)
            for group, value in entry.items()
            if not isinstance(value, list)
        } & set(self.groups)
        self.top = [str(key) for key in base]
        self.study = study or selects["study"][0]
        below = Layer(
            {group: selects[group] for group in self.groups if group in selects}, self._bodies(base, "conf/config.yaml")
        )
        self._layers = [below, *self._presets(self.study, [])]

    def selected(self, group: str) -> list[str]:
        """Return the files of a group that are selected below the command line."""
        return next((layer.selects[group] for layer in reversed(self._layers) if group in layer.selects), [])

    def keys(self, group: str) -> list[str]:
        """Return the keys of a group, for a factor its levels, below the command line."""
        found: list[str] = []
        for layer in self._layers:
            if group in layer.selects:
                found = self.keys_of(group, layer.selects[group])
            found += [key for key in layer.keys.get(group, []) if key not in found]
        return found

    def own(self, group: str) -> list[str]:
        """Return the keys of a group that presets define in their bodies and that no file defines."""
        keys = [key for layer in self._layers for key in layer.keys.get(group, [])]
        return [key for key in dict.fromkeys(keys) if not self._path(group, key).is_file()]

    def keys_of(self, group: str, names: Iterable[str]) -> list[str]:
        """Return the keys that these files of a group define."""
        found: list[str] = []
        own = levels_without_file(self.conf, group)
        for name in names:
            if name in own:
                found += [name] if name not in found else []
                continue
            content = self._read(f"{group}/{name}")
            below = [entry for entry in _defaults(content, f"conf/{group}/{name}.yaml") if entry != "_self_"]
            keys = [*self.keys_of(group, map(str, below)), *(str(key) for key in content if key != "defaults")]
            if not keys:
                raise UserError(f"conf/{group}/{name}.yaml: holds no key; a level's file says '{name}: {{}}'")
            found += [key for key in keys if key not in found]
        return found

    def check(self, group: str, name: object, defined: Sequence[str] = (), where: str = "") -> str:
        """Return a file's name; ``where`` is the file that selects it, if it is none of the command line's.

        Raises:
            UserError: the group has no such file, nor is it one of the levels that are ``defined`` elsewhere.
        """
        named = f"{where}: {group}: {shown(name)}" if where else f"{group}={shown(name)}"
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise UserError(f"{named}: must be a level's name, or a list of them as [name,...]")
        if name in defined:
            return str(name)
        files = {path.stem for path in (self.conf / group).glob("*.yaml")}
        allowed = sorted(files | set(defined) | set(levels_without_file(self.conf, group)))
        if str(name) not in allowed:
            parts = str(name).split()
            commas = len(parts) > 1 and set(parts) <= set(allowed)
            hint = f"; several are separated by commas, as [{','.join(parts)}]" if commas else None
            raise UserError(
                f"{named}: no such level; allowed: {', '.join(allowed)}"
                f"{hint or self._closest(group, str(name), allowed)}"
            )
        return str(name)

    def _closest(self, group: str, name: str, allowed: Sequence[str]) -> str:
        """Return a question about the level that was perhaps meant by one that is none."""
        if found := closest(name, allowed):
            return found
        if group == "study" and Path(sys.argv[0]).name == "report.py":
            return f"; results that have this name are reported by name={shown(name)}"
        if group == "data" and Path(name).suffix in (".csv", ".parquet", ".npz"):
            return f"; a file of yours is data=table data.table.file={shown(name)} data.table.target=..."
        if group in ALL:
            return "; docs/adding.md says how one of your own is added"
        return ""

    def _presets(self, name: str, above: list[str]) -> list[Layer]:
        """Return the layers of a preset, those that it builds on first."""
        self.check("study", name, where=f"conf/study/{above[-1]}.yaml: defaults" if above else "")
        if name in above:
            raise UserError(f"conf/study/{name}.yaml: builds on itself, by way of {' and '.join(above)}")
        where = f"conf/study/{name}.yaml"
        content = self._read(f"study/{name}")
        if not content:
            raise UserError(f"{where}: is empty; a preset begins with '# @package _global_' and sets a name; {EXAMPLE}")
        if not is_global(self._path("study", name)):
            raise UserError(f"{where}, line 1: must have the line '# @package _global_' above its first key; {EXAMPLE}")
        if "hydra" in content:
            raise UserError(f"{where}: hydra: is not for a preset to set")
        layers, selects = [], {}
        for entry in _defaults(content, where):
            if isinstance(entry, Mapping):
                for key, value in entry.items():
                    group = self._overridden(str(key), where)
                    selects[group] = [self.check(group, each, where=where) for each in _names(value)]
            elif entry != "_self_":
                layers += self._presets(str(entry).removeprefix("/study/"), [*above, name])
        self._check_keys(content, where)
        return [*layers, Layer(selects, self._bodies(content, where))]

    def _overridden(self, key: str, where: str) -> str:
        """Return the group whose levels an entry of a preset's defaults selects."""
        groups = [group for group in self.groups if group != "study"]
        match = OVERRIDE.fullmatch(key.strip())
        if match and match[1] in groups:
            return match[1]
        name = re.split(r"[\s/]+", key)[-1]
        group = meant.name(name, groups)
        hint = f"; did you mean override /{group}?" if group else ""
        raise UserError(
            f"{where}: defaults: {shown(key)}: must be 'override /' and a group of conf/: {', '.join(groups)}{hint}"
        )

    def _check_keys(self, content: Mapping[str, Any], where: str) -> None:
        """Refuse keys that no config has, by the preset's file."""
        known = sorted({*self.groups, *self.top, "defaults"} - {"study", "hydra"})
        for key, value in content.items():
            if key not in known:
                at = line_of(self.conf.parent / where, key)
                section = meant.section_of(str(key), {})
                near = f"; did you mean {section}.{key}?" if section and not closest(str(key), known) else ""
                raise UserError(f"{where}{at}: {shown(key)}: {no_such_key(str(key), known)}{near}")
            for name in value if key in SETTINGS and isinstance(value, Mapping) else ():
                if name not in SETTINGS[key]:
                    at = line_of(self.conf.parent / where, key, name)
                    raise UserError(f"{where}{at}: {key}.{shown(name)}: {no_such_key(str(name), list(SETTINGS[key]))}")

    def _bodies(self, content: Mapping[str, Any], where: str) -> dict[str, list[str]]:
        bodies = {group: content[group] for group in self.groups if group in content}
        for group, body in bodies.items():
            if not isinstance(body, Mapping):
                names = f"[{', '.join(map(str, body))}]" if isinstance(body, list) else str(body)
                at = line_of(self.conf.parent / where, group)
                raise UserError(
                    f"{where}{at}: {group}: must be keys with their values, not {shown(names)}; what is to be selected "
                    f"stands under defaults, as '- override /{group}: {shown(names)}'; {EXAMPLE}"
                )
        return {group: [str(key) for key in body] for group, body in bodies.items()}

    def _read(self, name: str) -> dict[str, Any]:
        return read(self.conf / f"{name}.yaml", f"conf/{name}.yaml")

    def _path(self, group: str, name: str) -> Path:
        return self.conf / group / f"{name}.yaml"


def no_such_key(name: str, allowed: Sequence[str]) -> str:
    """Return what is said of a key that does not exist beside these."""
    return f"no such key; allowed: {', '.join(allowed)}{closest(name, allowed)}"


def _defaults(content: Mapping[str, Any], where: str) -> list[Any]:
    entries = content.get("defaults", [])
    if not isinstance(entries, list) or not all(isinstance(entry, str | Mapping) for entry in entries):
        raise UserError(f"{where}: defaults: must be a list of files and of 'override /group: [names]'; {EXAMPLE}")
    return entries


def _names(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
