"""Rules that ask for more than their arguments, in training: what they are handed is what it is said to be."""

from typing import Annotated

import numpy as np
import pytest
import torch
from torch import Tensor

from ablation.choices.clipping import CLIPPINGS, Whole
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.training.measurement import CURVE_METRICS
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.reference import NORMALIZED, blobs, clipping, level, spec

STEPS = 20


@pytest.fixture
def seen():
    return []


@pytest.fixture
def rules(monkeypatch, seen):
    """Rules of each kind that ask, registered, and what they were handed."""

    def watching(param_SP, grad_SP, lr_S1, state, *, input_SBI, error_SBO, shape, step, steps, val_loss_S1, evaluated):
        def clone(x):
            return None if x is None else x.clone()

        seen.append(
            [*map(clone, (grad_SP, input_SBI, error_SBO)), shape, int(step), steps, val_loss_S1, int(evaluated)]
        )
        param_SP.addcmul_(grad_SP, lr_S1, value=-1.0)

    def preconditioned(param_SP, grad_SP, lr_S1, state, *, input_SBI, error_SBO):
        """Divide by the mean squares of a weight's input and error, a diagonal of K-FAC's factors."""
        if input_SBI is not None:
            of_input = input_SBI.square().mean(1).unsqueeze(2) + 1.0
            of_error = error_SBO.square().mean(1).unsqueeze(1) + 1.0
            grad_SP = grad_SP / (of_input * of_error).flatten(1)
        param_SP.addcmul_(grad_SP, lr_S1, value=-1.0)

    def normalized(param_SP: Tensor, grad_SP: Annotated[Tensor, "whole"], lr_S1: Tensor, state, *, step):
        seen.append([int(step), param_SP.shape[1]])
        param_SP.addcmul_(grad_SP / torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True), lr_S1, value=-1.0)

    def fading(param_SP, grad_SP, lr_S1, state, *, step, steps):
        param_SP.addcmul_(grad_SP, lr_S1 * (1 - step / steps), value=-1.0)

    def counting(gradient, *, state, errors, inputs):
        first = gradient.blocks[0]
        state["calls"] = state.get("calls", torch.zeros(len(first), 1)) + 1.0
        seen.append(state["calls"].max().item())
        for block, error in zip(gradient.blocks, errors, strict=True):
            if error is not None:
                block.div_(1.0 + error.abs().amax((1, 2)).unsqueeze(1))
        return torch.zeros(len(first), dtype=torch.bool)

    def counting_whole(gradient: Whole, *, state):
        state["calls"] = state.get("calls", torch.zeros(len(gradient.blocks[0]), 1)) + 1.0
        seen.append(state["calls"].max().item())
        for block in gradient.blocks:
            block.div_(state["calls"])
        return torch.zeros(len(gradient.blocks[0]), dtype=torch.bool)

    def halving(*, val_loss_S1, state):
        """Halve the rate of a cell whose validation loss is not below its best."""
        best = state.setdefault("best", torch.full_like(val_loss_S1, torch.inf))
        factor = state.setdefault("factor", torch.ones_like(val_loss_S1))
        known = state.setdefault("known", torch.full_like(val_loss_S1, torch.nan))
        factor.copy_(torch.where((val_loss_S1 != known) & (val_loss_S1 >= best), factor * 0.5, factor))
        best.copy_(torch.minimum(best, val_loss_S1))
        known.copy_(val_loss_S1)
        seen.append(factor.flatten().tolist())
        return factor.clone()

    for registry, some in (
        (OPTIMIZERS, [watching, preconditioned, normalized, fading]),
        (CLIPPINGS, [counting, counting_whole]),
        (SCHEDULES, [halving]),
    ):
        for rule in some:
            monkeypatch.setitem(registry, rule.__name__, rule)
    monkeypatch.setitem(SCHEDULES, "falling", lambda *, step, steps: 1 - step / steps)


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("model", ["mlp", "residual"])
@pytest.mark.parametrize("norm", NORMALIZED)
def test_a_weights_gradient_is_its_input_times_its_error(seen, model, norm):
    data = blobs()
    (outcome,) = train([spec(optimizer="watching", normalization=NORMALIZED[norm], model=level(model))], data)
    assert len(seen) == STEPS * 5  # four weight matrices and the vectors
    losses = outcome.curves[:, CURVE_METRICS.index("val_loss")]
    for place, (grad_SP, input_SBI, error_SBO, shape, step, steps, val_loss_S1, evaluated) in enumerate(seen):
        assert (step, steps, evaluated) == (place // 5, STEPS, step - step % 4)
        # Which is kept as it was handed over, and not written over by the losses since.
        assert val_loss_S1.item() == losses[step // 4]  # four steps an epoch
        if place % 5 == 4:
            assert (input_SBI, error_SBO, shape) == (None, None, None)
            continue
        assert shape == [(16, 4), (16, 16), (16, 16), (12, 16)][place % 5]
        expected = torch.einsum("sbi,sbo->sio", input_SBI, error_SBO).flatten(1)
        torch.testing.assert_close(grad_SP, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("rules")
def test_the_whole_gradient_is_all_of_a_cells_numbers(seen):
    data, threshold = blobs(), 1e-3
    (mine,) = train([spec(optimizer="normalized", lr=0.05)], data)
    (clipped,) = train([spec(clipping=clipping("global_norm", threshold), lr=0.05 / threshold)], data)
    np.testing.assert_allclose(mine.weights, clipped.weights, rtol=1e-3, atol=1e-4)
    assert seen == [[step, mine.parameters] for step in range(STEPS)]


@pytest.mark.usefixtures("rules")
def test_a_schedule_reaches_the_step_as_an_optimizer_that_knows_it_does():
    data = blobs()
    (scheduled,) = train([spec(schedule="falling")], data)
    (knowing,) = train([spec(optimizer="fading")], data)
    (constant,) = train([spec()], data)
    assert torch.equal(scheduled.weights, knowing.weights)
    assert not torch.equal(scheduled.weights, constant.weights)


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(("rule", "groups"), [("counting", 5), ("counting_whole", 1)])
def test_what_a_clipping_remembers_is_of_training_steps_alone(seen, rule, groups):
    train([spec(clipping=rule)], blobs())
    # An evaluation is told what the steps remember, and counts one more call, which is forgotten.
    expected = [1]
    for epoch in range(5):
        expected += [*range(4 * epoch + 1, 4 * epoch + 5), 4 * epoch + 5]
    assert seen == [count for count in expected for _ in range(groups)]


@pytest.mark.usefixtures("rules")
def test_each_cell_goes_by_its_own_validation_loss(seen):
    outcomes = train([spec(schedule="halving", lr=lr) for lr in (1e-4, 5.0)], blobs())
    for place, outcome in enumerate(outcomes):
        losses = outcome.curves[:, CURVE_METRICS.index("val_loss")]
        worse = [later >= losses[: at + 1].min() for at, later in enumerate(losses[1:-1])]
        assert seen[-1][place] == 0.5 ** sum(worse)
    assert seen[-1][0] == 1.0
    assert seen[-1][1] < 1.0


ASKING = [
    {"optimizer": "preconditioned"},
    {"optimizer": "normalized"},
    {"optimizer": "fading"},
    {"clipping": "counting"},
    {"clipping": "counting_whole"},
    {"schedule": "halving"},
    {"optimizer": "preconditioned", "clipping": "counting_whole", "schedule": "falling"},
]


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("model", ["mlp", "residual"])
@pytest.mark.parametrize("choice", ASKING, ids=str)
def test_a_cell_has_the_same_bits_alone_when_others_leave_the_stack(choice, model):
    cells = [
        spec(**choice, model=level(model), widths=(7, 7), seed=seed, lr=1e9 if seed == 3 else 0.05, epochs=3)
        for seed in range(9)
    ]
    data = blobs()
    together = train(cells, data)
    for place in (0, 4, 8):
        (alone,) = train([cells[place]], data)
        assert torch.equal(alone.weights, together[place].weights)
        assert np.array_equal(alone.curves, together[place].curves, equal_nan=True)


@needs_compiler
@pytest.mark.usefixtures("rules")
def test_rules_that_ask_are_eager_in_a_compiled_cohort():
    data = blobs()
    for choice in ({"optimizer": "preconditioned"}, {"clipping": "counting"}, {"optimizer": "normalized"}):
        (eager,), (compiled,) = (train([spec(**choice, compile=how)], data) for how in ("eager", "layers"))
        np.testing.assert_allclose(compiled.weights, eager.weights, rtol=1e-3, atol=1e-4)
