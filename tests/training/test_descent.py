import itertools
from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest
import torch
from torch import Tensor

from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.data import BatchOrder
from ablation.training.spec import Level
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.reference import Net, batch, blobs, clipping, level, spec

FORMS = list(itertools.product([False, True], [False, True]))


def momentum(weight_decay: float = 0.3, decoupled: bool = False, decay_vectors: bool = False) -> Level:
    return level("momentum", momentum=0.9, weight_decay=weight_decay, decoupled=decoupled, decay_vectors=decay_vectors)


def by_torch(cell, data, weight_decay, decoupled, vectors):
    """Return the parameters after torch's own loop: its L2, or the step of its AdamW's source written out."""
    net = Net(cell, data)
    decays = [each for each in net.parameters() if each.ndim == 2 or vectors]
    others = [each for each in net.parameters() if each.ndim < 2 and not vectors]
    coupled = 0.0 if decoupled else weight_decay
    groups = [{"params": decays, "weight_decay": coupled}, *([{"params": others}] if others else [])]
    rule = torch.optim.SGD(groups, lr=cell.lr, momentum=0.9)
    order = BatchOrder([cell.seed], len(data.train_y), cell.batch_size, torch.device("cpu"))
    for step in range(cell.epochs * order.steps_per_epoch):
        index = order.batch(step)[0]
        net.gradient(data.train_x[index], data.train_y[index])
        net.clip(cell.clipping)
        with torch.no_grad():
            for each in decays if decoupled else []:
                each.mul_(1.0 - cell.lr * weight_decay)
        rule.step()
    return net.flat()


@pytest.mark.parametrize(("decoupled", "vectors"), FORMS)
@pytest.mark.parametrize("clip", ["none", "norm", "global_norm"])
def test_decay_is_torchs(decoupled, vectors, clip):
    cell = spec(optimizer=momentum(0.3, decoupled, vectors), normalization=batch(), clipping=clipping(clip, 0.1))
    data = blobs()
    expected = by_torch(cell, data, 0.3, decoupled, vectors)
    torch.testing.assert_close(train([cell], data)[0].weights, expected, rtol=0, atol=1e-5)
    (other,) = train([replace(cell, optimizer=momentum(0.0))], data)
    assert (other.weights - expected).abs().max() > 1e-2


@needs_compiler
@pytest.mark.parametrize(("decoupled", "vectors"), FORMS)
def test_compiled_it_is_the_same(decoupled, vectors):
    cells = [spec(optimizer=momentum(decay, decoupled, vectors)) for decay in (0.1, 0.7)]
    eager, compiled = (train([replace(cell, compile=how) for cell in cells], blobs()) for how in ("eager", "layers"))
    for one, other in zip(eager, compiled, strict=True):
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("decoupled", "vectors"), FORMS)
def test_a_cell_has_its_bits_alone_and_among_others_that_decay_otherwise(decoupled, vectors):
    strengths = [0.1, 1 / 3, 1e-4]
    cells = [spec(optimizer=momentum(decay, decoupled, vectors), seed=seed) for seed, decay in enumerate(strengths)]
    for cell, together in zip(cells, train(cells, blobs()), strict=True):
        (alone,) = train([cell], blobs())
        assert torch.equal(alone.weights, together.weights)
        assert np.array_equal(alone.curves, together.curves, equal_nan=True)


def test_a_decay_of_none_is_no_decay_to_the_bit():
    (plain,), (none,) = (
        train([spec(optimizer=each)], blobs()) for each in (level("momentum", momentum=0.9), momentum(0))
    )
    assert torch.equal(plain.weights, none.weights)


def test_whether_and_how_weights_decay_parts_cohorts_and_how_strongly_does_not():
    def shared(*settings: float | bool) -> dict[str, object]:
        return spec(optimizer=momentum(*settings)).shared()

    forms = [shared(0.0), *(shared(0.1, *form) for form in FORMS)]
    assert all(one != other for one, other in itertools.combinations(forms, 2))
    assert shared(0.1) == shared(0.2)


def test_a_rule_that_sees_the_whole_gradient_decays_as_one_that_does_not(monkeypatch):
    def whole(param_SP, grad_SP: Annotated[Tensor, "whole"], lr_S1, state):
        param_SP.addcmul_(grad_SP, lr_S1, value=-1.0)

    monkeypatch.setitem(OPTIMIZERS, "whole", whole)
    for form in FORMS:
        settings = {"weight_decay": 0.3, "decoupled": form[0], "decay_vectors": form[1]}
        one, other = (train([spec(optimizer=level(kind, **settings))], blobs())[0] for kind in ("sgd", "whole"))
        torch.testing.assert_close(other.weights, one.weights, rtol=0, atol=1e-6)


def test_words_and_truths_are_settings_that_a_rule_is_handed_as_they_are(monkeypatch):
    seen = []

    def mine(param_SP, grad_SP, lr_S1, state, *, how: str = "a", twice: bool = False, times: int = 1):
        seen.append((how, twice, times))
        param_SP.addcmul_(grad_SP, lr_S1 * times, value=-1.0)

    monkeypatch.setitem(OPTIMIZERS, "mine", mine)
    cells = [spec(optimizer=level("mine", how="b", twice=True, times=times)) for times in (1, 2)]
    assert cells[0].shared() != cells[1].shared()
    train(cells[1:], blobs())
    assert set(seen) == {("b", True, 2)}
