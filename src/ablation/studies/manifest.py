"""``manifest.json``: what a study was, of which cells and data, and how it was trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from ablation.choices.activations import ACTIVATIONS
from ablation.datasets.prepared import name_of
from ablation.datasets.settings import targets_of
from ablation.records.columns import FACTORS
from ablation.studies.adaptive import is_adaptive
from ablation.studies.cells import Cell
from ablation.studies.code import choice_digest
from ablation.studies.engines.duration import reckon_alike
from ablation.studies.machine.cost import Ends
from ablation.studies.machine.environment import Environment
from ablation.studies.own.files import owners
from ablation.studies.registries import ALL, REGISTRIES
from ablation.studies.study import Study
from ablation.studies.views import whatever_the_split
from ablation.training.networks import NETWORKS
from ablation.training.probes import is_bounded
from ablation.training.spec import bind

OF_THE_RUN = ("device", "engine", "paths", "plan", "report", "tracking", "choices")
"""Sections of the config that say where and how a study ran; files of choices count by what they register."""


def manifest_of(
    study: Study,
    cells: Sequence[Cell],
    diverged: int,
    known: int,
    cards: Mapping[str, dict[str, Any]],
    environment: Environment,
) -> dict[str, Any]:
    """Return what the manifest says, but for the digests of the files beside it.

    Args:
        study: the study.
        cells: its cells.
        diverged: how many of them did.
        known: how many have the bits of another.
        cards: the data's, by name.
        environment: how the cells were trained.
    """
    # All splits of a level have as many examples in each part.
    alike = {label: cards[name_of(label, study.numbers["split"][0])] for label in study.data}
    factors: dict[str, list[Any]] = {factor: [] for factor in FACTORS}
    for cell in cells:
        for factor, level in cell.factors.items():
            if level not in factors[factor]:
                factors[factor].append(level)
    return {
        "name": study.name,
        "config": _portable(study.config),
        "overrides": study.overrides,
        "factors": factors,
        "levels": {
            factor: {
                label: {"kind": level.kind, **level.settings, **_rates(study, factor, label)}
                for label, level in study.levels[factor].items()
            }
            for factor in REGISTRIES
        }
        | {
            "model": {
                label: {"kind": model.kind, "mean_field": NETWORKS[model.kind].mean_field}
                for label, model in study.models.items()
            }
        },
        "cells": {
            "expected": len(cells),
            "finished": len(cells) - diverged,
            "diverged": diverged,
            "known": known,
            "names": sorted(cell.name for cell in cells),
        },
        "horizon": study.horizon,
        "reckoned_seconds": _reckoned(cells, known, cards),
        "targets": {label: targets_of(label, given, alike[label]["task"]) for label, given in study.data.items()},
        "data": {
            label: {
                "digests": {str(split): cards[name_of(label, split)]["digest"] for split in study.numbers["split"]},
                "n_train": card["train"],
                "n_val": card["val"],
                "n_test": card["test"],
                "task": card["task"],
                "classes": card["classes"],
                **_variances(study, label, cards),
                "features": card["features"],
                "source": card["source"],
            }
            for label, card in alike.items()
        },
        "steps_per_epoch": {
            f"{name}/{batch_size}": steps_per_epoch(cards[data], batch_size)
            for data, batch_size in {(cell.data, cell.spec.batch_size) for cell in cells}
            for name in [whatever_the_split(data)]
        },
        "activations": {
            label: {"bounded": is_bounded(bind(ACTIVATIONS, level))}
            for label, level in study.levels["activation"].items()
        },
        "optimizers": {label: {"adaptive": is_adaptive(level)} for label, level in study.levels["optimizer"].items()},
        "environment": dict(environment),
    } | _own(study)


def _reckoned(cells: Sequence[Cell], known: int, cards: Mapping[str, Mapping[str, Any]]) -> float:
    """Return about how many seconds one core takes for those that have to be trained, the same on every machine."""
    whole = reckon_alike(cells, {label: Ends.of(card) for label, card in cards.items()})
    return float(f"{whole * (1 - known / len(cells)):.3g}")


def steps_per_epoch(card: Mapping[str, Any], batch_size: int) -> int:
    """Return how many whole batches an epoch has."""
    return int(card["train"]) // batch_size


def _rates(study: Study, factor: str, label: str) -> dict[str, list[float]]:
    """Return the learning rates that a level of optimizer brings, if it does; no rule has a setting of that name."""
    return {"lr": study.rates[label]} if factor == "optimizer" and label in study.rates else {}


def _variances(study: Study, label: str, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the variance of a regression's validation targets in each split: what guessing their mean costs."""
    found = {str(split): cards[name_of(label, split)].get("variances") for split in study.numbers["split"]}
    return (
        {"val_variance": {split: each["val"] for split, each in found.items() if each}} if any(found.values()) else {}
    )


def _own(study: Study) -> dict[str, Any]:
    """Return where the study's own choices came from, if it has any: path, and digest of the code as in the keys."""
    own: dict[str, dict[str, dict[str, str]]] = {}
    used = {(factor, level.kind) for factor, levels in study.levels.items() for level in levels.values()}
    used |= {("model", model.kind) for model in study.models.values()}
    for factor, kind in sorted(used & owners().keys()):
        file = owners()[factor, kind]
        own.setdefault(factor, {})[kind] = {"file": file.given, "digest": choice_digest(ALL[factor], kind)}
    return {"choices": own} if own else {}


def _portable(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config without what says where and how the study ran: it must not change the results' bytes."""
    return {key: value for key, value in config.items() if key not in OF_THE_RUN}
