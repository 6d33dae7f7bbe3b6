"""What a rule asks for is read off its signature, and refused where it is not offered."""

from functools import partial
from typing import Annotated

import pytest
from torch import Tensor

from ablation.choices.clipping import CLIPPINGS, Gradient, Whole
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.training.ingredients import ARGUMENTS, OFFERED, asked, sees_whole


def of_layer(param_SP, grad_SP, lr_S1, state, *, input_SBI, error_SBO, damping: float = 1e-3): ...
def of_time(param_SP, grad_SP, lr_S1, state, *, step, steps): ...
def of_whole(param_SP, grad_SP: Annotated[Tensor, "whole"], lr_S1, state, *, step): ...
def of_both(param_SP, grad_SP: Annotated[Tensor, "whole"], lr_S1, state, *, shape): ...
def of_nothing_known(param_SP, grad_SP, lr_S1, state, *, temperature): ...
def with_memory(gradient, *, state, threshold: float = 1.0): ...
def of_all(gradient: Whole, **more): ...
def declared(gradient: Annotated[Gradient, "whole"]): ...
def of_parts(gradient: Gradient): ...
def by_time(step, steps, *, rate: float = 0.5): ...
def by_loss(*, val_loss_S1, state): ...
def by_epoch(step, steps_per_epoch): ...


ASKED = [
    ("optimizer", of_layer, {"input_SBI", "error_SBO"}),
    ("optimizer", of_time, {"step", "steps"}),
    ("optimizer", of_whole, {"step"}),
    ("optimizer", partial(of_layer, damping=0.1), {"input_SBI", "error_SBO"}),
    ("clipping", with_memory, {"state"}),
    ("clipping", of_all, set()),
    ("schedule", by_time, {"step", "steps"}),
    ("schedule", partial(by_time, rate=0.1), {"step", "steps"}),
    ("schedule", by_loss, {"val_loss_S1", "state"}),
    ("schedule", by_epoch, {"step", "steps_per_epoch"}),
]


@pytest.mark.parametrize(("choice", "rule", "expected"), ASKED)
def test_a_parameter_without_a_default_is_asked_for(choice, rule, expected):
    assert asked(choice, rule) == expected


@pytest.mark.parametrize(
    ("choice", "rule", "told"),
    [
        ("optimizer", of_nothing_known, r"asks for temperature, which no optimizer is handed; offered: input_SBI, "),
        ("clipping", lambda gradient, error_SBO: None, "asks for error_SBO, which no clipping is handed"),
        ("schedule", lambda epoch: 1.0, "asks for epoch, which no schedule is handed; offered: state, step, "),
        ("optimizer", of_both, "asks for shape, which belongs to one product, and for the whole gradient"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(choice, rule, told):
    with pytest.raises(ValueError, match=told):
        asked(choice, rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (of_whole, True),
        (of_all, True),
        (declared, True),
        (partial(of_all), True),
        (of_parts, False),
        (of_layer, False),
        (lambda gradient: None, False),
    ],
)
def test_a_rule_says_whether_it_must_see_the_whole(rule, expected):
    assert sees_whole(rule) == expected


def test_ours_ask_for_what_is_offered_and_one_must_see_the_whole():
    registries = {"optimizer": OPTIMIZERS, "clipping": CLIPPINGS, "schedule": SCHEDULES}
    assert registries.keys() == OFFERED.keys() == ARGUMENTS.keys()
    for choice, registry in registries.items():
        for rule in registry.values():
            assert asked(choice, rule) <= set(OFFERED[choice])
    assert [name for name, rule in CLIPPINGS.items() if sees_whole(rule)] == ["global_norm"]
