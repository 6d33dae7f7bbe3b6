"""What would fail once all is trained, and lose the results, fails before."""

import pytest
import torch

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.choices.initializers import INITIALIZERS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies.registries import ALL, OURS
from ablation.studies.run import run_study
from ablation.studies.trials.afterwards import ASKED, check_afterwards
from ablation.training.spec import Level


def cautious(param_SP, grad_SP, lr_S1, state):
    if float(grad_SP.abs().max()) > 1000.0:
        raise ArithmeticError("too large")
    param_SP.sub_(lr_S1 * grad_SP)


def bounded(x):
    if bool((x.abs() > 1e6).any()):
        raise ArithmeticError("too large")
    return x * 1.0, torch.ones_like(x)


def of_single_precision(draws):
    return draws.weight_IO @ torch.eye(draws.fan_out), draws.bias_O * 0.0


@pytest.mark.parametrize(
    ("factor", "registry", "rule", "told"),
    [
        ("optimizer", OPTIMIZERS, cautious, "ArithmeticError: too large, given gradients 1024 times as large"),
        ("activation", ACTIVATIONS, bounded, "ArithmeticError: too large, given all numbers that a float32 can hold"),
        ("init", INITIALIZERS, of_single_precision, "RuntimeError: .*, given draws in double precision, for theory"),
    ],
)
def test_it_is_told_in_a_line_before_anything_is_trained(study, monkeypatch, factor, registry, rule, told):
    monkeypatch.setitem(registry, "mine", rule)
    checked = study(f"{factor}={{}}", f"+{factor}.mine={{}}")
    with pytest.raises(UserError, match=rf"^{factor}\.mine: mine fails when it is tried: .*{told}"):
        run_study(checked)
    assert not checked.store_folder.exists()


@pytest.mark.parametrize(("factor", "kind"), [(factor, kind) for factor in ASKED for kind in sorted(OURS[factor])])
def test_ours_answer(factor, kind):
    assert kind in ALL[factor]
    check_afterwards(factor, Level(kind, {}))
