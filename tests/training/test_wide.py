"""Stacks as on a GPU, forced on a CPU: cells that differ in activation and clipping, and few, large operations."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ablation.choices.activations import ACTIVATIONS, INDIFFERENT
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import ELEMENTWISE, OPTIMIZERS
from ablation.training import health, trainer
from ablation.training.spec import Level, Spec
from ablation.training.trainer import train
from tests.training.reference import NORMALIZED, batch, blobs, clipping, level, optimizer, slopes, spec
from tests.training.test_trainer import HUGE, same_bits

KINDS = [*itertools.product(sorted(INDIFFERENT), CLIPPINGS)]


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setattr(trainer, "is_wide", lambda device: True)


def mixed(cells: int, kind: str = "sgd", **changes) -> list[Spec]:
    """Return cells unlike in all that may differ in a mixed stack; a few diverge where they can."""
    return [
        spec(
            **{"widths": (18, 18, 18), "epochs": 2, "evaluations": (0.4,), **changes},
            activation=KINDS[place % len(KINDS)][0],
            clipping=clipping(KINDS[place % len(KINDS)][1], [0.03, 0.3, 0.1][place % 3]),
            init=["he_normal", "xavier_normal", "torch_default"][place % 3],
            lr=[HUGE, 100.0, 10.0][place % 3] if place % 8 in (0, 3) else [0.01, 0.1, 0.5][place % 3],
            seed=place % 5,
            optimizer=optimizer(kind, [0.9, 0.5][place % 2]),
        )
        for place in range(cells)
    ]


FORMS = {f"sgd-{norm}": {"normalization": NORMALIZED[norm]} for norm in NORMALIZED}
FORMS |= {f"{kind}-before": {"kind": kind, "normalization": batch("before")} for kind in sorted(ELEMENTWISE - {"sgd"})}
FORMS |= {
    "residual": {"model": level("residual"), "widths": (16,) * 5, "normalization": batch("before")},
    "narrow": {"widths": (7, 5, 5), "normalization": batch("before", True)},
    "width 1": {"widths": (1, 1, 1), "normalization": batch("before", True)},
    "width 1, plain": {"widths": (1, 1, 1)},
    "uneven": {"widths": (33, 1, 7), "normalization": batch("after", True)},
    "noise": {"gradient_batches": 3, "widths": (20, 9)},
    "batch of 1": {"batch_size": 1, "epochs": 1},
    "of squares": {"loss": "mse", "batch_size": 4},
}


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("form", FORMS)
def test_a_cell_has_the_same_bits_alone_and_among_cells_of_other_kinds(form):
    data, cells = blobs(20 if form == "batch of 1" else 64), mixed(len(KINDS), **FORMS[form])
    outcomes = train(cells, data)
    if form == "of squares":
        assert len({outcome.diverged_step for outcome in outcomes}) >= 3
    for place in (0, 2, 3, 17, 39):
        assert same_bits(train([cells[place]], data)[0], outcomes[place]), place
    some = [39, 4, 0, 12, 3, 17, 24]
    for place, outcome in zip(some, train([cells[place] for place in some], data), strict=True):
        assert same_bits(outcome, outcomes[place]), place


@pytest.mark.parametrize("form", FORMS)
def test_the_bits_are_those_of_a_cohort_of_its_own_but_where_a_norm_is_summed_otherwise(wide, monkeypatch, form):
    data, cells = blobs(20 if form == "batch of 1" else 64), mixed(len(KINDS), **FORMS[form])
    outcomes = train(cells, data)
    monkeypatch.undo()
    for place in range(0, len(cells), 7):
        (alone,) = train([cells[place]], data)
        ours = outcomes[place]
        if cells[place].clipping.kind == "global_norm":
            assert alone.diverged_step == ours.diverged_step
            continue
        assert (alone.diverged_step, alone.parameters) == (ours.diverged_step, ours.parameters)
        assert np.array_equal(alone.weights, ours.weights, equal_nan=True)
        assert np.array_equal(alone.layers, ours.layers, equal_nan=True)
        assert np.array_equal(alone.test, ours.test, equal_nan=True)
        np.testing.assert_allclose(alone.curves, ours.curves, rtol=1e-6)


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_a_global_norm_over_all_of_a_gradient_is_that_over_its_parts(monkeypatch, kind):
    cell = spec(clipping=clipping("global_norm", 0.3), optimizer=optimizer(kind), lr=0.01)
    (ours,) = train([cell], blobs())
    monkeypatch.undo()
    (theirs,) = train([cell], blobs())
    np.testing.assert_allclose(ours.curves, theirs.curves, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("decoupled", "vectors"), [*itertools.product([False, True], [False, True])])
def test_weights_decay_as_part_by_part(wide, monkeypatch, decoupled, vectors):
    settings = {"momentum": 0.9, "decoupled": decoupled, "decay_vectors": vectors}
    cells = [
        spec(optimizer=Level("momentum", {**settings, "weight_decay": decay}), clipping=clipping(rule, 0.1), seed=seed)
        for seed, (decay, rule) in enumerate(itertools.product([0.1, 1 / 3], ["none", "value", "norm"]))
    ]
    together = train(cells, blobs())
    monkeypatch.undo()
    for cell, outcome in zip(cells, together, strict=True):
        assert torch.equal(train([cell], blobs())[0].weights, outcome.weights)


@pytest.mark.usefixtures("wide")
def test_a_regression_is_mixed_too():
    data = slopes()
    cells = [spec(loss="mse", activation=kind, seed=seed) for seed, kind in enumerate(["relu", "tanh", "relu", "elu"])]
    for cell, outcome in zip(cells, train(cells, data), strict=True):
        assert same_bits(train([cell], data)[0], outcome)


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("room", [0, 1, 2**14, 2**40])
def test_how_many_layers_are_measured_at_once_decides_no_bit(monkeypatch, room):
    data, cells = blobs(), mixed(12, widths=(18, 18, 7, 7, 7))
    before = train(cells, data)
    monkeypatch.setattr(health, "TOGETHER", room)
    for one, other in zip(before, train(cells, data), strict=True):
        assert same_bits(one, other)


@pytest.mark.usefixtures("wide")
def test_each_unit_is_saturated_by_its_own_activations_measure():
    """The derivative of the logistic function is nowhere above a quarter, a twentieth of it where tanh's is 0.05."""
    kinds = ("logistic", "tanh", "logistic")
    cells = [spec(activation=kind, init=level("he_normal"), seed=seed) for seed, kind in enumerate(kinds)]
    alone = [train([cell], blobs())[0] for cell in cells]
    together = train(cells, blobs())
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.layers, other.layers)


class Counted(TorchDispatchMode):
    """Counts operations that compute or copy."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        is_view = any(returned.alias_info and not returned.alias_info.is_write for returned in function._schema.returns)
        self.count += not is_view and "empty" not in str(function)
        return result


@pytest.mark.usefixtures("wide")
def test_one_stack_of_many_kinds_takes_few_operations_beside_stacks_of_one_kind_each():
    kinds = [*itertools.product(["elu", "relu", "tanh"], CLIPPINGS)]
    cells = [spec(activation=kind, clipping=clipping(rule, 0.1), widths=(16,) * 8, epochs=1) for kind, rule in kinds]

    def operations(cohort: list[Spec]) -> int:
        with Counted() as counted:
            train(cohort, blobs())
        return counted.count

    assert 3.5 * operations(cells) < sum(operations([cell]) for cell in cells)


OTHERS = {
    "normalization": (NORMALIZED["none"], NORMALIZED["before"]),
    "optimizer": (optimizer("sgd"), optimizer("adam")),
    "widths": ((16,), (16, 16)),
}


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(("name", "values"), OTHERS.items())
def test_what_cannot_be_mixed_is_refused(name, values):
    with pytest.raises(ValueError, match=r"cells of a cohort must share"):
        train([replace(spec(), **{name: value}) for value in values], blobs())


def test_what_mixes():
    def shared(**changes) -> dict[str, object]:
        return spec(**changes).shared(mixes=True)

    assert shared(activation="relu", clipping="value") == shared(activation="elu", clipping="global_norm")
    assert shared(optimizer="muon", clipping="value") != shared(optimizer="muon")
    assert shared(optimizer="muon", activation="relu") == shared(optimizer="muon", activation="elu")
    assert shared(activation="mine") != shared(activation="relu")
    assert shared(activation="mine") != shared(activation="yours")
    assert shared(clipping="mine") != shared(clipping="none")
    assert shared(activation="relu", compile="layers") != shared(activation="elu", compile="layers")


def test_own_choices_are_cohorts_of_their_own(wide, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "sine", lambda x: (x.sin(), x.cos()))

    def descent(param_SP, grad_SP, lr_S1, state):
        param_SP.addcmul_(grad_SP / torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True), lr_S1, value=-1.0)

    monkeypatch.setitem(OPTIMIZERS, "by_part", descent)
    cells = [spec(activation="sine", optimizer="by_part", seed=seed) for seed in range(3)]
    together = train(cells, blobs())
    monkeypatch.setattr(trainer, "is_wide", lambda device: False)
    for cell, outcome in zip(cells, together, strict=True):
        (alone,) = train([cell], blobs())
        assert torch.equal(alone.weights, outcome.weights), "a rule that sees a part sees a weight matrix"
