import math

import pytest

from ablation.choices.schedules import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_every_schedule_gives_a_finite_factor_at_every_step(name, steps):
    factors = [SCHEDULES[name](step, steps) for step in range(steps)]
    assert all(math.isfinite(factor) and factor >= 0 for factor in factors)


def test_constant_is_one_at_every_step():
    assert {SCHEDULES["constant"](step, 100) for step in range(100)} == {1.0}
