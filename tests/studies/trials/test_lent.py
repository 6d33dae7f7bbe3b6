"""What a rule does with tensors that it is lent is told: it wrote where it must not, or keeps what is not its own."""

import pytest
import torch

from ablation.choices.optimizers.momentum import sgd
from ablation.studies.registries import ALL
from ablation.studies.trials.lent import LentError
from ablation.studies.trials.results import check_results
from ablation.training.spec import Level


def optimizer(act):
    """Return an optimizer that does something with its arguments beside its step."""

    def rule(param_SP, grad_SP, lr_S1, state, *, input_SBI, error_SBO, step, val_loss_S1, evaluated):
        act(dict(locals()), state)
        sgd(param_SP, grad_SP, lr_S1, {})

    return rule


def clipping(act):
    def rule(gradient, *, inputs, errors, step, val_loss_S1, state):
        act({"block": gradient.blocks[0], "inputs": inputs, "errors": errors, "val_loss_S1": val_loss_S1}, state)
        return torch.zeros(len(gradient.blocks[0]), dtype=torch.bool)

    return rule


def schedule(act):
    def rule(*, step, val_loss_S1, evaluated, state):
        act(dict(locals()), state)
        return 1.0

    return rule


def writing(name):
    def act(given, state):
        found = given[name]
        (found[0] if isinstance(found, list) else found).add_(1)

    return act


def keeping(name, view=lambda x: x):
    def act(given, state):
        found = given[name]
        state["mine"] = view(found[0] if isinstance(found, list) else found)

    return act


def keeping_one_twice(given, state):
    state["first"] = torch.zeros_like(given["val_loss_S1"])
    state["second"] = state["first"]


KINDS = {"optimizer": optimizer, "clipping": clipping, "schedule": schedule}
WRITES = [
    *(("optimizer", name) for name in ("lr_S1", "input_SBI", "error_SBO", "step", "val_loss_S1", "evaluated")),
    *(("clipping", name) for name in ("inputs", "errors", "val_loss_S1")),
    *(("schedule", name) for name in ("step", "val_loss_S1", "evaluated")),
]
KEEPS = [
    *(("optimizer", name) for name in ("param_SP", "grad_SP", "lr_S1", "input_SBI", "error_SBO")),
    *(("clipping", name) for name in ("block", "inputs", "errors")),
]


def tried(monkeypatch, factor, act):
    monkeypatch.setitem(ALL[factor], "mine", KINDS[factor](act))
    check_results(factor, Level("mine", {}))


@pytest.mark.parametrize(("factor", "name"), WRITES)
def test_what_is_written_into_is_named(monkeypatch, factor, name):
    with pytest.raises(LentError, match=rf"^writes into {name}.*, and may change .* alone; a copy .* {name}.*\.clone"):
        tried(monkeypatch, factor, writing(name))


@pytest.mark.parametrize(("factor", "name"), KEEPS)
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x[:, :1]])
def test_what_is_kept_is_named_be_it_a_part_of_it(monkeypatch, factor, name, view):
    told = "gradient.blocks" if name == "block" else name
    with pytest.raises(LentError, match=rf"^keeps mine in its state in the memory of {told}.*\.clone\(\)$"):
        tried(monkeypatch, factor, keeping(name, view))


@pytest.mark.parametrize("factor", KINDS)
def test_the_losses_may_be_kept_for_they_are_a_copy(monkeypatch, factor):
    tried(monkeypatch, factor, keeping("val_loss_S1"))


@pytest.mark.parametrize("factor", KINDS)
def test_a_copy_may_be_kept(monkeypatch, factor):
    name = {"optimizer": "grad_SP", "clipping": "block", "schedule": "val_loss_S1"}[factor]
    tried(monkeypatch, factor, keeping(name, torch.clone))


@pytest.mark.parametrize("factor", KINDS)
def test_two_that_are_kept_in_one_memory_are_named(monkeypatch, factor):
    with pytest.raises(
        LentError, match=r"^keeps second in its state in the memory of its first, .* second\.clone\(\)$"
    ):
        tried(monkeypatch, factor, keeping_one_twice)


@pytest.mark.parametrize(
    ("factor", "name"), [("optimizer", "param_SP"), ("optimizer", "grad_SP"), ("clipping", "block")]
)
def test_what_is_a_rules_to_change_it_may(monkeypatch, factor, name):
    tried(monkeypatch, factor, writing(name))
