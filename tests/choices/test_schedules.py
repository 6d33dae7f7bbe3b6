import inspect
import math

import pytest
import torch

from ablation.choices.schedules import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_every_schedule_gives_a_finite_factor_at_every_step(name, steps):
    schedule = SCHEDULES[name]
    state: dict[str, torch.Tensor] = {}
    for step in range(steps):
        offered = {"step": torch.tensor(step), "steps": steps, "val_loss_S1": torch.ones(3, 1), "state": state}
        factor = schedule(**{each: offered[each] for each in inspect.signature(schedule).parameters if each in offered})
        assert all(math.isfinite(each) and each >= 0 for each in torch.as_tensor(factor).flatten().tolist())


def test_constant_is_one():
    assert SCHEDULES["constant"]() == 1.0
