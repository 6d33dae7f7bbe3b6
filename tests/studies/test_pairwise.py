"""Every level of every factor trains with every other, in stacks as the engine makes them and alone, or is refused.

The levels are those of the registries, so that a new one joins by itself: each kind by its defaults, and with each word
and truth that it can be set otherwise. What two levels do together is what goes wrong where each is tested by itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets.examples import REGRESSION
from ablation.levels import annotations
from ablation.levels import settings as settings_with_defaults
from ablation.records.columns import FACTORS
from ablation.studies.cells import Cell
from ablation.studies.choosing import check_level
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.machine.cost import Ends
from ablation.studies.registries import COMMON, REGISTRIES
from ablation.studies.run import check_batches
from ablation.studies.study import NUMBERS
from ablation.studies.tasks import check_tasks
from ablation.training.data import Data
from ablation.training.networks import NETWORKS
from ablation.training.spec import Level, Spec, numbers_of
from ablation.training.trainer import train
from ablation.training.view import View, seen
from tests.studies.covering import Place, Row, covering, every_pair
from tests.training.reference import blobs, slopes
from tests.training.test_trainer import same_bits

STEPS, EXAMPLES, FEATURES, CLASSES = 3, 20, 6, 3
OF_A_ROW = ("init", "schedule", "order", "lr", "seed")
"""What cells of one cohort may differ in, beside numbers of clipping and optimizer."""


@dataclass(frozen=True)
class Setting:
    """A level as a config has it: a kind, and settings of it."""

    kind: str
    changes: tuple[tuple[str, Any], ...] = ()


def words_of(function: Any) -> dict[str, list[Any]]:
    """Return of a choice's settings those that are words or truths, each with what else than its default it can be."""
    hints, found = annotations(function), {}
    for name, default in settings_with_defaults(function).items():
        all_words = get_args(hints[name]) if get_origin(hints[name]) is Literal else (False, True)
        if get_origin(hints[name]) is Literal or hints[name] is bool:
            found[name] = [word for word in all_words if word != default]
    return found


def variants(kind: str, function: Any) -> Iterator[Setting]:
    """Yield a kind by its defaults, with each other word, and with all of the other words at once."""
    words = words_of(function)
    yield Setting(kind)
    for name, others in words.items():
        yield from (Setting(kind, ((name, word),)) for word in others)
    if len(words) > 1:
        yield Setting(kind, tuple((name, others[-1]) for name, others in words.items()))


def decays() -> list[tuple[tuple[str, Any], ...]]:
    """Return no weight decay, and every kind of it."""
    function, _ = COMMON["optimizer"]
    words = {name: [default, *words_of(function)[name]] for name, default in settings_with_defaults(function).items()
             if name in words_of(function)}  # fmt: skip
    return [(), *((("weight_decay", 0.01), *zip(words, chosen, strict=True)) for chosen in product(*words.values()))]


LEVELS: dict[str, list[Any]] = {
    **{name: [s for kind in registry for s in variants(kind, registry[kind])] for name, registry in REGISTRIES.items()},
    "decay": decays(),
    "model": list(NETWORKS),
    "depth": [1, 3],
    "order": list(get_args(NUMBERS["order"])),
    "batch_size": [1, 4],
    "examples": [None, 8],
    "label_noise": [0.0, 0.5],
    "gradient_batches": [0, 2],
    "task": ["classification", REGRESSION],
}
"""The levels of every factor; the optimizer's decay and what else decides a cell's graph is a factor of its own."""

LEVELS = dict(sorted(LEVELS.items(), key=lambda item: -len(item[1])))


def cell_of(row: Row, halved: bool = False, lr: float = 0.05, seed: int = 0) -> Cell:
    """Return the cell of a row, with numbers of its choices halved where that is allowed."""
    chosen = {factor: LEVELS[factor][place] for factor, place in row.items()}
    levels = {}
    for factor, registry in REGISTRIES.items():
        given = {"kind": chosen[factor].kind, **dict(chosen[factor].changes)}
        given |= dict(chosen["decay"]) if factor == "optimizer" else {}
        levels[factor] = check_level(factor, "level", given, registry)
        if halved and factor in ("clipping", "optimizer", "schedule"):
            levels[factor] = with_half_numbers(factor, given, levels[factor])
    spec = Spec(
        **levels,
        model=Level(chosen["model"], {}),
        widths=(5,) * chosen["depth"],
        batch_size=chosen["batch_size"],
        order=chosen["order"],
        gradient_batches=chosen["gradient_batches"],
        lr=lr,
        seed=seed,
        epochs=1,
        steps=STEPS,
        probe_size=8,
    )
    factors = {name: getattr(spec, name, None) for name in FACTORS}
    factors |= {
        "data": chosen["task"],
        "split": 0,
        "examples": chosen["examples"],
        "label_noise": chosen["label_noise"],
    }
    return Cell(" ".join(f"{factor}={level}" for factor, level in chosen.items()), factors, spec)


def with_half_numbers(factor: str, given: Mapping[str, Any], level: Level) -> Level:
    """Return a level with half of each number that may be halved."""
    for name, value in numbers_of(level).items():
        try:
            level = check_level(factor, "level", {**given, **level.settings, name: value / 2}, REGISTRIES[factor])
        except UserError:
            continue
    return level


def data_of(cell: Cell) -> Data:
    view = View(cell.factors["examples"], cell.factors["label_noise"])
    if cell.factors["data"] == REGRESSION:
        return seen(slopes(EXAMPLES, 9, FEATURES, test=7), view)
    return seen(blobs(EXAMPLES, 9, FEATURES, CLASSES, test=7), view)


def refusal(row: Row) -> str:
    """Return why a study refuses a cell, or nothing."""
    cell = cell_of(row)
    task = cell.factors["data"]
    study: Any = SimpleNamespace(data={task: {}}, levels={"loss": {cell.spec.loss.kind: cell.spec.loss}})
    try:
        check_tasks(study, {cell.data: {"label": task, "task": task}})
        check_batches([cell], {cell.data: {"train": len(data_of(cell).train_y)}})
    except UserError as error:
        return str(error)
    return ""


PLAIN: Row = {**dict.fromkeys(LEVELS, 0), "batch_size": 1, "loss": LEVELS["loss"].index(Setting("mse"))}
"""Levels of which each goes with all others."""


@cache
def why_not(one: Place, other: Place) -> str:
    """Return why two levels are refused together with all others as they are by default, or nothing."""
    return refusal({**PLAIN, **dict([one, other])})


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return covering(LEVELS, lambda one, other: bool(why_not(one, other)))


def test_pairs_that_are_refused_are_so_in_one_line_that_names_them(rows):
    refused = {(one, other): why for one, other in every_pair(LEVELS) if (why := why_not(one, other))}
    found = {frozenset(pair): why for pair, why in refused.items()}
    expected = {
        frozenset({("batch_size", 0), ("normalization", place)}): "batch_size=1: batch normalization needs at least 2"
        for place, level in enumerate(LEVELS["normalization"])
        if level.kind == "batch"
    } | {
        frozenset(
            {("task", 1), ("loss", place)}
        ): f"loss={level.kind}: takes classes, and the targets of data=regression"
        for place, level in enumerate(LEVELS["loss"])
        if level != Setting("mse")
    }
    assert set(found) == set(expected), "and no others"
    for pair, why in found.items():
        assert why.startswith(expected[pair])
        assert "\n" not in why


def test_every_other_pair_stands_in_a_row(rows):
    together = {frozenset(pair) for row in rows for pair in product(row.items(), repeat=2)}
    for one, other in every_pair(LEVELS):
        assert (frozenset({one, other}) in together) != bool(why_not(one, other)), (one, other)
    most = sorted(map(len, LEVELS.values()))[-2:]
    assert len(rows) < 2 * most[0] * most[1], "not much longer than it must be"


def test_every_pair_trains_in_stacks_as_alone(rows):
    cells = []
    for place, row in enumerate(rows):
        # A cell that differs in all that cells of a cohort may, with the levels that the next row has.
        other = {factor: rows[(place + 1) % len(rows)][factor] for factor in OF_A_ROW if factor in LEVELS}
        cells += [cell_of(row), cell_of({**row, **other}, halved=True, lr=0.02, seed=1)]
    ends = {cell.data: Ends(FEATURES, data_of(cell).outputs, len(data_of(cell).train_y), 9, 7) for cell in cells}
    cohorts = make_cohorts(cells, ends, 1, Limits(2**30, 64))
    assert len(cohorts) <= len(rows)
    assert Counter(place for cohort in cohorts for place in cohort.places) == Counter(range(len(cells)))
    for cohort in cohorts:
        data = data_of(cohort.cells[0])
        for cell, outcome in zip(cohort.cells, train([cell.spec for cell in cohort.cells], data), strict=True):
            (alone,) = train([cell.spec], data)
            assert same_bits(alone, outcome), cell.name
            assert outcome.diverged_step is not None or outcome.weights.isfinite().all(), cell.name


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_array_covers_whatever_is_not_refused(sizes, random):
    factors = {str(place): range(size) for place, size in enumerate(sizes)}
    pairs = every_pair(factors)
    # Levels 0 go with all others, so that there is a row for each pair.
    refused = {pair for pair in pairs if pair[0][1] and pair[1][1] and random.random() < 0.2}
    rows = covering(factors, lambda one, other: (one, other) in refused)
    covered = {pair for row in rows for pair in pairs if all(row[name] == level for name, level in pair)}
    assert covered == set(pairs) - refused
    assert len(rows) <= len(pairs)


def test_a_pair_that_fits_no_row_is_told():
    factors = {"a": range(1), "b": range(1), "c": range(1)}
    with pytest.raises(ValueError, match="every level of c"):
        covering(factors, lambda one, other: (one[0], other[0]) == ("b", "c"))
