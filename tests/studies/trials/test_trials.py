"""A choice of a user's own that breaks the law of bits is refused before anything is trained, by the level's name."""

import pytest
import torch

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.choices.losses import LOSSES, mse
from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies.run import run_study


def rounded_by_place(output_SBC, label_SB):
    share_SBC = torch.sigmoid(output_SBC)
    error_SBC = share_SBC - torch.nn.functional.one_hot(label_SB, output_SBC.shape[2])
    scale = 2.0 / (output_SBC.shape[1] * output_SBC.shape[2])
    return error_SBC.square().mean((1, 2)), scale * error_SBC * share_SBC * (1.0 - share_SBC)


def by_sigmoid(param_SP, grad_SP, lr_S1, state):
    param_SP.addcmul_(torch.sigmoid(grad_SP) - 0.5, lr_S1, value=-1.0)


MINE = [
    (
        "loss",
        LOSSES,
        rounded_by_place,
        r"^loss\.mine: of_mine breaks the law .* alone than among 8 others; it must reduce within a cell",
    ),
    ("optimizer", OPTIMIZERS, by_sigmoid, r"^optimizer\.mine: of_mine breaks the law .* torch\.sigmoid"),
    ("activation", ACTIVATIONS, lambda x: (x - x.mean(), x * 0 + 1), r"^activation\.mine: of_mine is no function of"),
]


@pytest.mark.parametrize(("choice", "registry", "rule", "told"), MINE, ids=[choice for choice, *_ in MINE])
def test_it_is_named_before_anything_is_trained(study, monkeypatch, choice, registry, rule, told):
    monkeypatch.setitem(registry, "of_mine", rule)
    checked = study(f"+{choice}.mine={{kind: of_mine}}")
    with pytest.raises(UserError, match=told):
        run_study(checked)
    assert not checked.results_folder.exists()
    assert not checked.store_folder.exists()


def test_one_that_keeps_it_is_trained(study, monkeypatch):
    monkeypatch.setitem(LOSSES, "twice", lambda output, label: tuple(2.0 * part for part in mse(output, label)))
    assert run_study(study("loss={}", "+loss.twice={}")).trained == 1
