"""What a choice returns is looked at before training; ours return what they must."""

import pytest
import torch

from ablation.choices.losses import mse
from ablation.choices.normalization import BatchNormalization
from ablation.choices.optimizers.momentum import sgd
from ablation.levels import settings
from ablation.studies.registries import ALL
from ablation.studies.trials.results import CHECKS, WrongResultError, check_results
from ablation.training.spec import Level


@pytest.mark.parametrize(("factor", "kind"), [(factor, kind) for factor in CHECKS for kind in ALL[factor]])
def test_ours_return_what_they_must(factor, kind):
    check_results(factor, Level(kind, settings(ALL[factor][kind])))


def counting(param_SP, grad_SP, lr_S1, state):
    state["steps"] = 1
    sgd(param_SP, grad_SP, lr_S1, state)


def returning(param_SP, grad_SP, lr_S1, state):
    return param_SP - lr_S1 * grad_SP


def rounding(*, state, share: float = 0.1):
    return 1.0 - float(share) if isinstance(share, float) else 1.0 - share.half().float()


def in_place_and_returning(param_SP, grad_SP, lr_S1, state):
    return param_SP.sub_(lr_S1 * grad_SP)


def elsewhere(param_SP, grad_SP, lr_S1, state):
    """Of a network these parameters are a view, which sees others from then on."""
    param_SP.data = param_SP - lr_S1 * grad_SP


class Transposing(BatchNormalization):
    def forward(self, x_SBO, gamma_SO, beta_SO):
        y_SBO, statistics = super().forward(x_SBO, gamma_SO, beta_SO)
        return y_SBO.mT, statistics


class Nothing:
    pass


WRONG = [
    ("init", lambda draws: (draws.weight_IO.T, draws.bias_O), r"its weights .* shape \[7, 4\] here, .* of \[4, 7\]"),
    ("init", lambda draws: draws.weight_IO, r"must return weights and biases, two tensors, .* a tensor of \[7, 4\]"),
    (
        "init",
        lambda draws: (draws.weight_IO[: 7 if draws.activation == "relu" else 1], draws.bias_O),
        r"its weights .* \[7, 4\] here, .* \[1, 4\]",
    ),
    ("loss", lambda output, label: (mse(output, label)[0].mean(), output), r"its loss .* \[3\] here, .* of \[\]"),
    ("loss", lambda output, label: (mse(output, label)[0], output[0]), r"its gradient .* \[3, 5, 6\] here"),
    ("optimizer", returning, r"must change param_SP in place, as by param_SP\.sub_\(\.\.\.\), and return nothing"),
    ("optimizer", in_place_and_returning, r"changes param_SP in place, .* return nothing; .* a tensor of \[3, 28\]"),
    ("optimizer", elsewhere, "must change param_SP in place"),
    ("optimizer", lambda *of: None, "must change param_SP in place"),
    ("optimizer", counting, r"keeps steps in its state, which must be a tensor with a row a cell \(3\), .* type int"),
    ("clipping", lambda gradient: None, r"must return whether each cell was clipped, 3 booleans here, .* NoneType"),
    ("clipping", lambda gradient: torch.zeros(3), "3 booleans here"),
    ("schedule", lambda step, steps: torch.zeros(7), r"a number, for it asks for the time alone, .* a tensor of \[7\]"),
    ("schedule", lambda state: torch.zeros(7), r"a number, or one a cell as \[3, 1\] here, .* a tensor of \[7\]"),
    ("schedule", rounding, r"another factor at step 0 of 10 where share are given one a cell, \[3, 1\] here"),
    ("schedule", lambda step, steps: 1.0 / (5 - step), "at step 5 of 10, which is not finite"),
    ("schedule", lambda step, steps: 10**400, r"a whole number of some 401 digits.* at step 0 of 10, which is not"),
    ("normalization", Transposing, r"its forward pass must have the shape \[3, 5, 4\] here, .* \[3, 4, 5\]"),
    ("normalization", Nothing, "has no placement, input, forward, backward, update, affine"),
]


@pytest.mark.parametrize(("factor", "choice", "told"), WRONG)
def test_what_returns_something_else_is_told(monkeypatch, factor, choice, told):
    monkeypatch.setitem(ALL[factor], "mine", choice)
    with pytest.raises(WrongResultError, match=told):
        check_results(factor, Level("mine", settings(choice) if factor == "schedule" else {}))
