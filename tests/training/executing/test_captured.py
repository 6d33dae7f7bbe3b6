"""Captured execution on a CPU, by a graph that replays operations: bits as of eager execution, and what falls back."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from ablation.choices import clipping as clipping_module
from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.training import probes, trainer
from ablation.training.executing import captured
from ablation.training.executing.captured import Captured
from ablation.training.executing.execution import Eager
from ablation.training.measurement import Measurement
from ablation.training.trainer import train
from tests.training.executing.replayed import Replayed
from tests.training.reference import NORMALIZED, blobs, clipping, level, slopes, spec
from tests.training.test_trainer import HUGE, diverging, mixed_cohort, same_bits
from tests.training.test_wide import mixed

PLATEAU = {"factor": 0.5, "patience": 1, "min_delta": 1e-2, "least": 0.0}

WORK = {
    "plain": mixed_cohort(7),
    "some diverge": mixed_cohort(15, activation="relu", loss="mse"),
    "normalized": mixed_cohort(7, "before_and_input"),
    "after": mixed_cohort(7, "after", "value"),
    "each norm": mixed_cohort(7, rule="norm"),
    "all norms": mixed_cohort(7, "before", "global_norm", optimizer="momentum"),
    "one threshold": [spec(clipping=clipping("global_norm", 0.3), seed=seed) for seed in range(2)],
    "noise": mixed_cohort(7, gradient_batches=3, batch_size=10),
    "residual": mixed_cohort(5, "before", model=level("residual"), widths=(6, 6, 6, 6)),
    "schedules": [
        spec(seed=seed, lr=0.3, epochs=8, schedule=schedule)
        for seed, schedule in enumerate(
            [level("plateau", **PLATEAU), level("cosine", final=0.1, warmup=0.1), level("constant")]
        )
    ],
    "decay": [spec(optimizer=level("adamw", weight_decay=0.1, decoupled=True), seed=seed) for seed in range(2)],
    **{kind: mixed_cohort(4, optimizer=kind) for kind in OPTIMIZERS},
}


@pytest.fixture(autouse=True)
def blind(monkeypatch):
    """No look at a number, as on a GPU; nothing told before."""
    for module in (probes, clipping_module):
        monkeypatch.setattr(module, "can_look", lambda x: False)
    monkeypatch.setattr(captured, "_TOLD", set())


def replayed() -> tuple[Captured, list[Replayed]]:
    """Return a captured execution, and the graphs that it makes."""
    graphs: list[Replayed] = []

    def new() -> Replayed:
        graphs.append(Replayed())
        return graphs[-1]

    return Captured(new, "these choices"), graphs


@pytest.mark.parametrize("work", WORK)
def test_captured_is_eager_to_the_bit(work, capsys):
    execution, graphs = replayed()
    outcomes = train(WORK[work], blobs(), execution=execution)
    for here, there in zip(outcomes, train(WORK[work], blobs(), execution=Eager(looks=False)), strict=True):
        assert same_bits(here, there)
    assert capsys.readouterr().err == ""
    assert len(graphs) >= 3
    assert sum(graph.replays for graph in graphs) > 10
    assert not any(graph.calls for graph in graphs), "all are reset in the end"


WIDE = {
    "sgd": mixed(24),
    "adam, normalized": mixed(24, "adam", normalization=NORMALIZED["before_and_input"]),
    "residual": mixed(12, model=level("residual"), widths=(16,) * 4),
    "widths": mixed(12, widths=(18, 18, 7)),
}


@pytest.mark.parametrize("work", WIDE)
def test_a_mixed_stack_captured_is_that_stack_eager(work, capsys, monkeypatch):
    monkeypatch.setattr(trainer, "is_wide", lambda device: True)
    execution, graphs = replayed()
    outcomes = train(WIDE[work], blobs(), execution=execution)
    for here, there in zip(outcomes, train(WIDE[work], blobs(), execution=Eager(looks=False)), strict=True):
        assert same_bits(here, there)
    assert capsys.readouterr().err == ""
    assert sum(graph.replays for graph in graphs) > 5


def test_a_regression_too():
    cells = [spec(loss="mse", seed=seed) for seed in range(3)]
    for here, there in zip(
        train(cells, slopes(), execution=replayed()[0]), train(cells, slopes(), execution=Eager(False)), strict=True
    ):
        assert same_bits(here, there)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_cells_that_stay_after_they_have_diverged_are_kept_as_if_they_had_left(kind):
    cells = mixed_cohort(20, optimizer=kind, activation="relu", loss="mse")
    at_once = train(cells, blobs())
    assert sum(outcome.diverged_step is not None for outcome in at_once) in (1, 2)
    for here, there in zip(train(cells, blobs(), execution=Eager(looks=False)), at_once, strict=True):
        assert same_bits(here, there)


def test_where_most_have_diverged_the_others_go_on_without_them():
    cells = [diverging(0.05), *(diverging(lr, seed) for lr in (HUGE, 30.0) for seed in range(3)), diverging(0.02)]
    cells = [replace(cell, epochs=6) for cell in cells]
    execution, graphs = replayed()
    outcomes = train(cells, blobs(), execution=execution)
    assert [outcome.diverged_step is None for outcome in outcomes] == [True] + 6 * [False] + [True]
    assert len(graphs) == 5, "step, probe and evaluation, and all but the early probes anew for the few"
    for here, there in zip(outcomes, train(cells, blobs()), strict=True):
        assert same_bits(here, there)


def test_training_ends_when_all_cells_have_diverged():
    cells = [replace(diverging(HUGE, seed), epochs=5000) for seed in range(3)]
    execution, graphs = replayed()
    for here, there in zip(train(cells, blobs(), execution=execution), train(cells, blobs()), strict=True):
        assert same_bits(here, there)
    assert sum(graph.replays for graph in graphs) < 50


# What cannot be captured goes on eagerly, and says so.


def looking(gradient, *, threshold: float = 1.0):
    """A user's own clipping that looks at numbers."""
    if float(gradient.blocks[0].abs().max()) > 0.0:
        return CLIPPINGS["value"](gradient, threshold=threshold)
    return CLIPPINGS["none"](gradient)


def masking(param_SP, grad_SP, lr_S1, state):
    """One that selects by a mask, and is not captured either."""
    grad_SP[grad_SP.abs() < 1e-3] = 0.0
    OPTIMIZERS["sgd"](param_SP, grad_SP, lr_S1, state)


def forgetful(param_SP, grad_SP, lr_S1, state, *, step):
    """One that remembers more and more."""
    state[f"grad{len(state)}"] = grad_SP.clone()
    OPTIMIZERS["sgd"](param_SP, sum(state.values()), lr_S1, {})


def swapping(param_SP, grad_SP, lr_S1, state):
    """One that puts what it remembers in each other's place, which a graph can repeat."""
    if not state:
        state["last"], state["before"] = torch.zeros_like(grad_SP), torch.zeros_like(grad_SP)
    state["last"], state["before"] = grad_SP + 0.5 * state["before"], state["last"]
    OPTIMIZERS["sgd"](param_SP, state["before"].clone(), lr_S1, {})


def compare(changes, monkeypatch, registry=None, rule=None):
    if registry is not None:
        monkeypatch.setitem(registry, "own", rule)
    cells = [spec(seed=seed, **changes) for seed in range(3)]
    execution, graphs = replayed()
    outcomes = train(cells, blobs(), execution=execution)
    for here, there in zip(outcomes, train(cells, blobs(), execution=Eager(False)), strict=True):
        assert same_bits(here, there)
    return graphs


def test_a_rule_that_looks_at_numbers_is_named_once_and_only_what_it_is_in_is_eager(monkeypatch, capsys):
    graphs = compare({"clipping": level("own", threshold=0.01)}, monkeypatch, CLIPPINGS, looking)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("not captured as a CUDA graph, so trained more slowly: looking (test_captured.py, line")
    assert len(graphs) == 1, "a probe without an evaluation clips nothing"


def test_a_rule_that_selects_by_a_mask_is_eager(monkeypatch, capsys):
    graphs = compare({"optimizer": "own"}, monkeypatch, OPTIMIZERS, masking)
    assert "masking (test_captured.py" in capsys.readouterr().err
    assert len(graphs) == 2, "probes and evaluations are captured all the same"


def test_a_rule_that_remembers_more_in_each_step_is_eager(monkeypatch, capsys):
    compare({"optimizer": "own"}, monkeypatch, OPTIMIZERS, forgetful)
    assert "these choices (a rule remembers something new after its first step)" in capsys.readouterr().err


def test_a_rule_may_put_other_tensors_in_the_place_of_what_it_remembers(monkeypatch, capsys):
    graphs = compare({"optimizer": "own"}, monkeypatch, OPTIMIZERS, swapping)
    assert capsys.readouterr().err == ""
    assert len(graphs) == 3


def test_a_schedule_of_a_users_own_that_gives_a_python_number_is_captured(monkeypatch):
    def own(*, steps, val_loss_S1):
        return 1.0 / steps

    assert len(compare({"schedule": "own"}, monkeypatch, SCHEDULES, own)) == 3


@pytest.mark.parametrize("rehearses", [True, False], ids=["eager", "compiled"])
def test_a_step_is_captured_once_what_is_compiled_of_it_has_been_called(rehearses):
    called = []
    execution = Captured(Replayed, "these choices", rehearses)
    for number in range(5):
        execution.run("step", partial(called.append, number), [])
    assert called == ([0, 1] if rehearses else [0, 1, 2]), "the last is the capture"


def test_an_activation_of_a_users_own_is_captured(monkeypatch):
    assert len(compare({"activation": "own"}, monkeypatch, ACTIVATIONS, lambda x: (x.sin(), x.cos()))) == 3


class Broken(Replayed):
    """A graph whose capture breaks off."""

    def __init__(self, error: BaseException, fails: bool) -> None:
        super().__init__()
        self.error, self.fails = error, fails

    def capture(self, body):
        if self.fails:
            raise self.error
        super().capture(body)


def test_a_capture_that_breaks_off_is_told_and_the_cohort_goes_on(capsys):
    execution = Captured(lambda: Broken(RuntimeError("operation not permitted\nwhen capturing"), True), "elu, own")
    cells = mixed_cohort(4)
    for here, there in zip(
        train(cells, blobs(), execution=execution), train(cells, blobs(), execution=Eager(False)), strict=True
    ):
        assert same_bits(here, there)
    assert capsys.readouterr().err == (
        "not captured as a CUDA graph, so trained more slowly: elu, own (operation not permitted when capturing)\n"
    )


def test_a_capture_without_memory_is_tried_once_more_when_the_cache_is_empty(capsys):
    made: list[Broken] = []

    def new() -> Broken:
        made.append(Broken(torch.OutOfMemoryError("none left"), fails=not made))
        return made[-1]

    cells = mixed_cohort(4)
    for here, there in zip(
        train(cells, blobs(), execution=Captured(new, "elu")),
        train(cells, blobs(), execution=Eager(False)),
        strict=True,
    ):
        assert same_bits(here, there)
    assert capsys.readouterr().err == ""
    assert [graph.replays > 0 for graph in made] == [False, True, True, True]


def test_graphs_are_reset_where_training_fails(monkeypatch):
    execution, graphs = replayed()

    def fail(*arguments):
        raise ValueError("in the end")

    monkeypatch.setattr(Measurement, "test", fail)
    with pytest.raises(ValueError, match="in the end"):
        train([spec()], blobs(), execution=execution)
    assert len(graphs) == 3
    assert not any(graph.calls for graph in graphs)


def test_the_stand_in_finds_a_number_that_python_holds():
    """What it is for: a part that reads Python's state in a replay does something else."""
    total, graph, add = torch.zeros(2), Replayed(), 1
    graph.capture(lambda: total.add_(add))
    add = 5
    assert total.tolist() == [0.0, 0.0], "nothing is done yet"
    graph.replay()
    graph.replay()
    assert total.tolist() == [2.0, 2.0]
