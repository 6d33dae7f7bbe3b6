"""From a study to its cells: the full product of the levels, each cell with its name, its factors and its key.

A level of optimizer that brings its own learning rates is crossed with those, and the others with the factor lr.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch

from ablation import UserError
from ablation.records.columns import DEFAULTS, FACTORS
from ablation.studies.code import choice_digest, training_digest
from ablation.studies.forms import compiled_as
from ablation.studies.machine.environment import Environment, environment, environment_for
from ablation.studies.own.files import owners
from ablation.studies.registries import REGISTRIES
from ablation.studies.study import NUMBERS, Study
from ablation.studies.views import name_of_view
from ablation.training.networks import NETWORKS
from ablation.training.spec import Compile, Level, Spec
from ablation.training.view import View

CROSSED = [factor for factor in NUMBERS if factor not in ("depth", "width")]
"""Factors of plain values that every network is crossed with, in their order."""


@dataclass(frozen=True)
class Cell:
    """One element of a study's product.

    Attributes:
        name: readable and unique in the study.
        factors: the label or number of its level of every factor, in the order of ``FACTORS``.
        spec: all that decides its numbers, but the data.
    """

    name: str
    factors: dict[str, Any]
    spec: Spec

    @property
    def data(self) -> str:
        """Name by which its data are loaded: of the data level, its split and the view of it."""
        examples, noise = self.factors.get("examples"), self.factors.get("label_noise", 0.0)
        return name_of_view(self.factors["data"], View(examples, noise, self.factors["split"]))


def count_cells(study: Study) -> int:
    """Return how many cells ``expand`` would return, without making them."""
    numbers = {factor: len(values) for factor, values in study.numbers.items()}
    shapes = sum(numbers["depth"] * numbers["width"] if model.widths is None else 1 for model in study.models.values())
    others = [len(study.levels[factor]) for factor in REGISTRIES if factor != "optimizer"]
    others += [numbers[name] for name in CROSSED if name != "lr"]
    return math.prod([shapes, *others, count_rates(study), len(study.data)])


def count_rates(study: Study) -> int:
    """Return how many pairs there are of a level of optimizer and a learning rate of it."""
    return sum(len(study.rates_of(label)) for label in study.levels["optimizer"])


def expand(study: Study) -> list[Cell]:
    """Return the study's cells, the last factor changing fastest.

    A model level with explicit widths settles depth and width by itself: it is crossed with neither, and its cells
    carry the number of its layers and the widest of them.
    """
    levels = [study.levels[factor] for factor in REGISTRIES]
    numbers, optimizer = study.numbers, list(REGISTRIES).index("optimizer")
    cells = []
    shapes = {label: _shapes(model.widths, numbers) for label, model in study.models.items()}
    networks = {label: Level(model.kind, {}) for label, model in study.models.items()}
    for *labels, model, data in product(*levels, study.models, study.data):
        chosen = {factor: study.levels[factor][label] for factor, label in zip(REGISTRIES, labels, strict=True)}
        crossed = {**numbers, "lr": study.rates_of(labels[optimizer])}
        how: Compile | None = None
        for (depth, width, widths), *values in product(shapes[model], *(crossed[name] for name in CROSSED)):
            given = dict(zip(CROSSED, values, strict=True))
            factors = dict(zip(FACTORS, (*labels, model, data, depth, width, *values), strict=True))
            spec = Spec(
                **chosen,  # type: ignore[arg-type]  # none of them is a word
                widths=widths,
                batch_size=given["batch_size"],
                order=given["order"],
                lr=given["lr"],
                seed=given["seed"],
                epochs=study.epochs,
                steps=study.steps,
                evaluations=study.evaluations,
                gradient_batches=study.gradient_batches,
                probe_size=study.probe_size,
                tf32=study.tf32,
                model=networks[model],
            )
            how = how or compiled_as(study, spec)  # which its numbers do not decide
            cells.append(Cell(name_of(factors), factors, replace(spec, compile=how)))
    return _unique(cells)


def _shapes(
    explicit: tuple[int, ...] | None, numbers: Mapping[str, list[Any]]
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return depth, width and the widths themselves of a model's shapes; cells share the latter, which are many."""
    if explicit is not None:
        return [(len(explicit), max(explicit), explicit)]
    return [(depth, width, (width,) * depth) for depth, width in product(numbers["depth"], numbers["width"])]


def _unique(cells: list[Cell]) -> list[Cell]:
    """Number the cells whose names are the same: labels with hyphens in them can run together."""
    seen: dict[str, int] = {}
    unique = []
    for cell in cells:
        seen[cell.name] = seen.get(cell.name, 0) + 1
        twice = seen[cell.name] > 1
        unique.append(replace(cell, name=f"{cell.name}#{seen[cell.name]}") if twice else cell)
    return unique


def name_of(factors: Mapping[str, Any]) -> str:
    """Return a name of these levels: the labels in order, the numbers with a letter before them.

    Order, examples and label noise are named where they are not at their default, which most studies never leave.
    """
    letters = {"depth": "d", "width": "w", "batch_size": "b", "lr": "lr", "split": "split", "seed": "s"}
    letters |= {"examples": "n", "label_noise": "noise"}
    named = {factor: value for factor, value in factors.items() if (factor, value) not in DEFAULTS.items()}
    return "-".join(f"{letters.get(factor, '')}{value}" for factor, value in named.items())


def keys(
    cells: Sequence[Cell],
    digests: Mapping[str, str],
    device: torch.device,
    there: Environment | None = None,
) -> list[str]:
    """Return each cell's key in the store: SHA-256 of all that decides its numbers.

    That is its specification, the digest of its data, those of the code that trains and of what its levels reach, and
    the environment.

    Args:
        cells: the cells.
        digests: the digest of the data by their name.
        device: where the cells are trained.
        there: the environment, where it is not this process's.
    """
    code = training_digest()
    found_there = environment(device, {cell.spec.compile for cell in cells}) if there is None else there
    found: dict[str, str] = {}
    keys = []
    for cell in cells:
        levels = {factor: getattr(cell.spec, factor).kind for factor in REGISTRIES}
        choices = {factor: choice_digest(REGISTRIES[factor], kind) for factor, kind in levels.items()}
        if ("model", cell.spec.model.kind) in owners():  # the others are of the code that trains
            choices["model"] = choice_digest(NETWORKS, cell.spec.model.kind)
        content = {"spec": cell.spec.as_dict(), "data": digests[cell.data], "choices": choices, "code": code}
        content["environment"] = environment_for(found_there, cell.spec.compile)
        key = hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
        if key in found:
            raise UserError(f"{cell.name}: the same run as {found[key]} under another name; levels must differ")
        found[key] = cell.name
        keys.append(key)
    return keys


def resolve_device(asked: str, elsewhere: bool = False) -> torch.device:
    """Return the device that ``device=`` asks for; ``auto`` is CUDA where this machine has it.

    Args:
        asked: auto, cpu or cuda.
        elsewhere: the cells are trained on other machines, whose devices are not known here.

    Raises:
        UserError: CUDA is asked for and there is none.
    """
    if asked == "cuda" and elsewhere:
        return torch.device("cuda")
    if asked == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda: torch finds no CUDA device on this machine; allowed here: auto, cpu")
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")
