import pytest

from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies.adaptive import is_adaptive
from ablation.studies.registries import OURS
from ablation.training.spec import Level
from tests.training.reference import level

PLAIN = {"sgd", "momentum", "nesterov"}


@pytest.mark.parametrize("kind", sorted(OURS["optimizer"]))
def test_steps_of_gradient_descent_alone_are_as_long_as_their_gradients(kind):
    assert is_adaptive(Level(kind, {})) == (kind not in PLAIN)


def test_decay_is_left_aside_and_settings_are_not(monkeypatch):
    assert not is_adaptive(level("sgd", weight_decay=0.5, decoupled=True, decay_vectors=False))
    assert is_adaptive(level("adam", beta1=0.0, beta2=0.5, epsilon=1e-8, weight_decay=0.5, decoupled=True))

    def powered(param_SP, grad_SP, lr_S1, state, *, power: float = 1.0):
        param_SP.sub_(lr_S1 * grad_SP.sign() * grad_SP.abs() ** power)

    monkeypatch.setitem(OPTIMIZERS, "powered", powered)
    assert [is_adaptive(level("powered", power=power)) for power in (1.0, 0.5)] == [False, True]


def test_a_rule_that_asks_is_handed_what_its_gradient_is_made_of(monkeypatch):
    def whitened(param_SP, grad_SP, lr_S1, state, *, input_SBI, error_SBO, shape, step, steps, steps_per_epoch):
        size = error_SBO.square().mean((1, 2)).unsqueeze(1)
        param_SP.sub_(lr_S1 * grad_SP / size)

    monkeypatch.setitem(OPTIMIZERS, "whitened", whitened)
    assert is_adaptive(level("whitened"))
