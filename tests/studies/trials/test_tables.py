"""A schedule by time is looked at over all steps of the training that is planned, which a short trial does not see."""

import pytest

from ablation import UserError
from ablation.choices.schedules import SCHEDULES
from ablation.studies.plan import look_ahead
from ablation.studies.run import run_study

STEPS = 40
"""More than any trial takes."""


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (float("nan"), "nan; allowed: a finite number, zero or more"),
        (float("inf"), "inf; allowed"),
        (1e39, "inf; allowed"),
        (-0.5, "-0.5; allowed"),
    ],
)
def test_a_factor_that_is_none_is_named_with_its_step_before_anything_is_trained(study, monkeypatch, late, told):
    monkeypatch.setitem(SCHEDULES, "mine", lambda *, step: 1.0 if step < STEPS - 3 else late)
    checked = study("schedule={}", "+schedule.mine={}", f"training.steps={STEPS}", "training.epochs=1")
    for go in (run_study, look_ahead):
        with pytest.raises(UserError, match=rf"^schedule\.mine: mine: its factor at step 37 of 40, .* is {told}"):
            go(checked)
    assert not checked.results_folder.exists()


def test_one_that_raises_late_is_told_with_the_step(study, monkeypatch):
    monkeypatch.setitem(SCHEDULES, "mine", lambda *, step: ([1.0] * 36)[int(step)])
    checked = study("schedule={}", "+schedule.mine={}", f"training.steps={STEPS}", "training.epochs=1")
    with pytest.raises(UserError, match=r"^schedule\.mine: mine fails: .*IndexError: .*, at step 36 of 40$"):
        run_study(checked)


def test_a_factor_of_zero_is_taken(study, monkeypatch):
    monkeypatch.setitem(SCHEDULES, "mine", lambda *, step, steps: 0.0 if step > steps - 3 else 1.0)
    assert run_study(study("schedule={}", "+schedule.mine={}", "training.epochs=1")).trained == 1
