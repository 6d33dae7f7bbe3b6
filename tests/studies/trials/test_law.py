"""A choice of a user's own that mixes cells, or that rounds by place, is seen by a few steps; ours are not."""

import random

import pytest
import torch

from ablation.choices.losses import mse
from ablation.choices.normalization import BatchNormalization
from ablation.studies.registries import ALL, OURS
from ablation.studies.trials.law import UnlawfulError, check_law
from ablation.training.spec import Level

NEEDS = {"clipping": {"threshold": 0.1}, "optimizer": {"momentum": 0.9}}


@pytest.mark.parametrize(("choice", "kind"), [(choice, kind) for choice in OURS for kind in sorted(OURS[choice])])
def test_ours_keep_it(choice, kind):
    has_numbers = kind in {"value", "norm", "global_norm", "momentum", "nesterov"}
    check_law(choice, Level(kind, NEEDS[choice] if has_numbers else {}))


def squashed(squash):
    """Return an optimizer that steps by a function of the gradient."""
    return lambda param_SP, grad_SP, lr_S1, state: param_SP.addcmul_(squash(grad_SP), lr_S1, value=-1.0)


def scaled(grad_of):
    """Return a clipping that scales each block by one number, or one a cell."""

    def clip(gradient):
        for block_SN in gradient.blocks:
            block_SN.div_(1.0 + grad_of(block_SN))
        return torch.zeros(gradient.blocks[0].shape[0], dtype=torch.bool)

    return clip


def by_sigmoid(output_SBC, label_SB):
    share_SBC = torch.sigmoid(output_SBC)
    error_SBC = share_SBC - torch.nn.functional.one_hot(label_SB, output_SBC.shape[2])
    scale = 2.0 / (output_SBC.shape[1] * output_SBC.shape[2])
    return error_SBC.square().mean((1, 2)), scale * error_SBC * share_SBC * (1.0 - share_SBC)


def of_the_stack(output_SBC, label_SB):
    loss_S, grad_SBC = mse(output_SBC, label_SB)
    return loss_S, grad_SBC / (1.0 + loss_S.mean())


class OfTheStack(BatchNormalization):
    def forward(self, x_SBO, gamma_SO, beta_SO):
        return super().forward(x_SBO - x_SBO.mean(), gamma_SO, beta_SO)


def drawn(draws):
    return torch.randn_like(draws.weight_IO), torch.zeros_like(draws.bias_O)


def by_chance(*, step):
    return random.random()


class Counting:
    """Another factor at each call, whatever the step; and not hashable, as an object with an equality of its own."""

    calls = 0

    def __eq__(self, other):
        return isinstance(other, Counting)

    def __call__(self, *, step):
        self.calls += 1
        return 1.0 / self.calls


def alike_in_its_own_stack(*, val_loss_S1, state):
    """A rule that minds how many cells of it there are."""
    return torch.full_like(val_loss_S1, 1.0 if len(val_loss_S1) in (1, 9) else 0.5)


def keeping(*, val_loss_S1, state):
    """Halve the rate where the loss has risen, which is kept as it was handed over."""
    if not state:
        state["previous"], state["factor"] = val_loss_S1, torch.ones_like(val_loss_S1)
    state["factor"] = torch.where(val_loss_S1 > state["previous"], state["factor"] * 0.5, state["factor"])
    state["previous"] = val_loss_S1
    return state["factor"]


class Linear:
    """A schedule that cannot be hashed."""

    __hash__ = None

    def __call__(self, *, step, steps):
        return 1.0 - step / steps


LAWFUL = [
    ("optimizer", squashed(torch.sign)),
    ("optimizer", squashed(lambda grad: grad / (1.0 + grad.abs()))),
    ("clipping", scaled(lambda block_SN: block_SN.abs().amax(1, keepdim=True))),
    ("loss", lambda output, label: tuple(2.0 * part for part in mse(output, label))),
    ("schedule", lambda step, steps: 1.0 - step / steps),
    ("schedule", Linear()),
    ("schedule", keeping),
    ("init", lambda draws: (draws.weight_IO * 0.1, draws.bias_O * 0.1)),
]
UNLAWFUL = [
    ("optimizer", squashed(lambda grad: torch.sigmoid(grad) - 0.5), "alone than among 8 others"),
    ("optimizer", squashed(lambda grad: grad.abs() ** 0.3 * grad.sign()), "alone than among 8 others"),
    ("optimizer", squashed(lambda grad: grad / grad.norm()), "alone than among 8 others"),
    ("optimizer", squashed(lambda grad: grad + 0.01 * torch.randn_like(grad)), "another time"),
    ("clipping", scaled(lambda block_SN: block_SN.norm()), "alone than among 8 others"),
    ("clipping", scaled(lambda block_SN: block_SN.abs().amax(0, keepdim=True)), "alone than among 8 others"),
    ("loss", by_sigmoid, "alone than among 8 others"),
    ("loss", of_the_stack, "alone than among 8 others"),
    ("normalization", OfTheStack, "alone than among 8 others"),
    ("init", drawn, "another time"),
    ("schedule", by_chance, "it returns another factor at step 0 another time"),
    ("schedule", Counting(), "it returns another factor at step 0 another time"),
    ("schedule", alike_in_its_own_stack, "beside cells of the schedule linear"),
]


@pytest.mark.parametrize(("choice", "rule"), LAWFUL)
def test_a_rule_that_keeps_to_its_cell_is_taken(monkeypatch, choice, rule):
    monkeypatch.setitem(ALL[choice], "mine", rule)
    check_law(choice, Level("mine", {}))


@pytest.mark.parametrize(("choice", "rule", "told"), UNLAWFUL)
def test_a_rule_that_does_not_is_refused(monkeypatch, choice, rule, told):
    monkeypatch.setitem(ALL[choice], "mine", rule)
    with pytest.raises(UnlawfulError, match=told):
        check_law(choice, Level("mine", {}))
