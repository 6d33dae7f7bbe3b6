"""What a study's results take the place of: those of another study under the same name are told before they go."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ablation.levels import shown
from ablation.records.columns import FACTORS
from ablation.studies.cells import Cell
from ablation.studies.registries import REGISTRIES
from ablation.studies.study import Study

MOST = 3
"""Differences that are named."""


def replaced(study: Study, cells: Iterable[Cell]) -> str | None:
    """Return what is said of the results that this study's take the place of; None where none are lost.

    Results of a part of its cells are not lost: they are among the new ones.
    """
    try:
        before = json.loads((study.results_folder / "manifest.json").read_text("utf-8"))
        lost = set(before["cells"]["names"]) - {cell.name for cell in cells}
        now = {factor: [*levels] for factor, levels in study.levels.items()} | study.numbers
        now |= {"model": [*study.models], "data": [*study.data]}
        differences = _between(before["factors"], {factor: now[factor] for factor in FACTORS}) if lost else []
        differences += _changed(before["levels"], study)
        trained = {key: before["config"]["training"].get(key) for key in study.config["training"]}
        differences += [
            f"training.{key} {_listed(was)}, now {_listed(study.config['training'][key])}"
            for key, was in trained.items()
            if was != study.config["training"][key]
        ]
    # Nothing is there, or what is there is no manifest of this version; a report would say so.
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not differences:
        return None
    more = f" and {len(differences) - MOST} more" if len(differences) > MOST else ""
    return (
        f"{study.results_folder}: this study takes the place of another of this name there "
        f"({'; '.join(differences[:MOST])}{more}); name=... keeps both, and the result store keeps the cells of each"
    )


def _between(before: Mapping[str, list[Any]], now: Mapping[str, list[Any]]) -> list[str]:
    return [
        f"{factor} {_listed(before[factor])}, now {_listed(levels)}"
        for factor, levels in now.items()
        if set(before.get(factor, levels)) - set(levels)
    ]


def _changed(before: Mapping[str, Mapping[str, Mapping[str, Any]]], study: Study) -> list[str]:
    """Return the levels whose name is the same, and whose kind or parameters are not."""
    found = []
    for factor in REGISTRIES:
        for label, level in study.levels[factor].items():
            now = {"kind": level.kind, **level.settings}
            was = before.get(factor, {}).get(label)
            if was is not None:
                found += [
                    f"{factor}.{label}.{key} {_listed(was[key])}, now {_listed(value)}"
                    for key, value in now.items()
                    if key in was and was[key] != value
                ]
    return found


def _listed(value: Any) -> str:
    return shown(", ".join(map(_listed, value)) if isinstance(value, list) else "null" if value is None else value)
