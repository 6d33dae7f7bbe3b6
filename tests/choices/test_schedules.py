"""Every schedule against torch's of the same name, or against Keras' formula, at every step."""

import inspect
import itertools
import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from ablation.choices.schedules import SCHEDULES
from ablation.levels import LARGEST, SMALLEST, annotations, check_value
from ablation.levels import settings as of_levels
from ablation.training.schedule import tabulated

EPOCH = 4
WARMED = ["constant", "step", "exponential", "power", "cosine", "linear"]


def factors(name: str, steps: int, **numbers: float) -> list[float]:
    """The factors of a schedule that goes by time, in double precision."""
    schedule = SCHEDULES[name]
    offered = {"steps": steps, "steps_per_epoch": EPOCH}
    known = {each: value for each, value in offered.items() if each in inspect.signature(schedule).parameters}
    found = [schedule(step=torch.tensor(step), **known, **numbers) for step in range(steps)]
    assert all(isinstance(each, float) or each.dtype == torch.float64 for each in found)
    return [float(each) for each in found]


def torchs(steps: int, schedule: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    """The learning rates of torch's scheduler, from 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedule(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_every_schedule_gives_a_finite_factor_at_every_step(name, steps):
    schedule = SCHEDULES[name]
    state: dict[str, torch.Tensor] = {}
    offered = {"steps": steps, "steps_per_epoch": EPOCH, "val_loss_S1": torch.ones(3, 1), "state": state}
    for step in range(steps):
        offered["step"], offered["evaluated"] = torch.tensor(step), torch.tensor(step - step % EPOCH)
        factor = schedule(**{each: offered[each] for each in inspect.signature(schedule).parameters if each in offered})
        assert all(math.isfinite(each) and 0 <= each <= 1 for each in torch.as_tensor(factor).flatten().tolist())


def ends(hint: object) -> list[float]:
    """The least and the greatest number that a setting can be, and one between."""
    kind, interval = get_args(hint)
    if kind is int:
        return [int(end) for end in interval[1:-1].split(",")]
    low, high = (float(end) for end in interval[1:-1].split(","))
    below, above = (float(np.nextafter(np.float32(end), np.float32(way))) for end, way in ((high, 0), (low, 1)))
    least = low if interval[0] == "[" else max(above, SMALLEST)
    return [least, min(LARGEST, high if interval[-1] == "]" else below), 0.3 if high <= 1 else 3.0]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 37])
def test_every_schedule_takes_its_settings_at_the_ends_of_their_ranges(name, steps):
    read = annotations(SCHEDULES[name])
    hints = {each: read[each] for each in of_levels(SCHEDULES[name])}
    for numbers in itertools.product(*map(ends, hints.values())):
        chosen = {each: check_value(each, number, hints[each]) for each, number in zip(hints, numbers, strict=True)}
        if name == "plateau":
            found = plateau_steps([[1.0] * steps], [*range(steps)], steps, **chosen)
        else:
            found = tabulated(SCHEDULES[name], tuple(chosen.items()), steps, EPOCH)
        assert bool(((found >= 0) & (found <= 1)).all()), chosen


def test_a_step_that_never_comes_is_no_cut():
    assert factors("step", 20, every=1e38) == [1.0] * 20


def test_constant_is_one():
    assert factors("constant", 9) == [1.0] * 9


DECAYS = [
    ("step", {"factor": 0.5, "every": 2.5}, lambda o, T: lr_scheduler.StepLR(o, 10, 0.5)),
    ("step", {"factor": 0.1, "every": 0.01}, lambda o, T: lr_scheduler.StepLR(o, 1, 0.1)),
    ("exponential", {"factor": 0.3, "every": 2.5}, lambda o, T: lr_scheduler.ExponentialLR(o, 0.3 ** (1 / 10))),
    ("exponential", {"factor": 1.0, "every": 1.0}, lambda o, T: lr_scheduler.ConstantLR(o, 1.0, 1)),
    ("cosine", {}, lambda o, T: lr_scheduler.CosineAnnealingLR(o, T)),
    ("cosine", {"final": 0.1}, lambda o, T: lr_scheduler.CosineAnnealingLR(o, T, eta_min=0.1)),
    ("linear", {}, lambda o, T: lr_scheduler.LinearLR(o, 1.0, 0.0, T)),
    ("linear", {"final": 0.2}, lambda o, T: lr_scheduler.LinearLR(o, 1.0, 0.2, T)),
    ("power", {"exponent": 1.0, "every": 2.5}, lambda o, T: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t / 10))),
    ("power", {"exponent": 0.5, "every": 1.0}, lambda o, T: lr_scheduler.LambdaLR(o, lambda t: (1 + t / 4) ** -0.5)),
    ("constant", {}, lambda o, T: lr_scheduler.ConstantLR(o, 1.0, 1)),
]


@pytest.mark.parametrize(("name", "numbers", "torch_schedule"), DECAYS, ids=[f"{name}-{of}" for name, of, _ in DECAYS])
@pytest.mark.parametrize("steps", [1, 2, 37, 200])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.55, 0.99])
def test_a_decay_is_torchs_behind_a_warmup_of_torchs(name, numbers, torch_schedule, steps, warmup):
    rising = math.floor(warmup * steps + 0.5)
    expected = []
    if rising:
        expected = torchs(rising, lambda o: lr_scheduler.LinearLR(o, 1 / rising, 1.0, max(1, rising - 1)))
    expected += torchs(steps - rising, lambda o: torch_schedule(o, steps - rising))
    assert factors(name, steps, **numbers, warmup=warmup) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_decay_has_a_warmup_that_reaches_the_height():
    for name in WARMED:
        found = factors(name, 50, warmup=0.2)
        assert found[:11] == pytest.approx([*(step / 10 for step in range(1, 11)), 1.0], rel=1e-12)
    assert {name for name, rule in SCHEDULES.items() if "warmup" in inspect.signature(rule).parameters} == {*WARMED}


@pytest.mark.parametrize(("pct_start", "div", "final_div"), [(0.3, 25.0, 1e4), (0.5, 10.0, 1.0), (0.0, 1.0, 100.0)])
@pytest.mark.parametrize("steps", [1, 2, 3, 40, 333])
def test_one_cycle_is_torchs(pct_start, div, final_div, steps):
    if pct_start * steps == 1:
        return  # torch divides by zero
    expected = []
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, 1.0, steps, pct_start=pct_start, div_factor=div, final_div_factor=final_div, cycle_momentum=False
    )
    for number in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if number < steps - 1:
            scheduler.step()
    found = factors("one_cycle", steps, pct_start=pct_start, div_factor=div, final_div_factor=final_div)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_cycle_whose_rise_is_one_step_begins_at_its_height():
    assert factors("one_cycle", 4, pct_start=0.25)[0] == 1.0


LOSS = st.integers(1, 400).map(lambda x: x / 128)
LOSSES = st.builds(lambda first, rest: [first, *rest], LOSS, st.lists(LOSS | st.just(math.nan), max_size=25))


def plateau_factors(losses: list[list[float]], **numbers: float | torch.Tensor) -> torch.Tensor:
    """The factor of each cell in the last step of each epoch, given its losses by epoch, the start among them."""
    evaluations = [EPOCH * epoch for epoch in range(len(losses[0]))]
    return plateau_steps(losses, evaluations, EPOCH * len(evaluations), **numbers)[:, EPOCH - 1 :: EPOCH]


def plateau_steps(losses, evaluations: list[int], steps: int, **numbers: float | torch.Tensor) -> torch.Tensor:
    """The factor of each cell in each step, given the losses that were measured before some of them."""
    state: dict[str, torch.Tensor] = {}
    found = []
    for step in range(steps):
        last = sum(at <= step for at in evaluations) - 1
        loss_S1 = torch.tensor([[of_cell[last]] for of_cell in losses])
        offered = {"step": torch.tensor(step), "steps_per_epoch": EPOCH, "val_loss_S1": loss_S1, "state": state}
        offered["evaluated"] = torch.tensor(evaluations[last])
        found.append(SCHEDULES["plateau"](**offered, **numbers).clone())
    return torch.cat(found, 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 30), LOSS), max_size=8), st.integers(1, 4), LOSS)
def test_between_two_cuts_a_loss_has_been_measured_however_far_evaluations_are_apart(rest, patience, first):
    evaluations, losses, steps = [0], [first], 40
    for apart, loss in rest:
        evaluations.append(evaluations[-1] + apart)
        losses.append(loss)
    best, since, factor, expected = math.inf, 0, 1.0, []
    for step in range(steps):
        last = max(at for at in evaluations if at <= step)
        loss = losses[evaluations.index(last)]
        if loss < best:
            best, since = loss, step
        elif step - since >= patience * EPOCH and any(since < at <= step for at in evaluations):
            factor, since = factor / 2, step
        expected.append(factor)
    found = plateau_steps([losses], evaluations, steps, factor=0.5, patience=patience, min_delta=0.0)
    assert found[0].tolist() == expected


def test_a_plateau_of_one_evaluation_is_never_cut():
    assert plateau_steps([[1.0]], [0], 60, patience=1).unique().tolist() == [1.0]


def test_a_loss_below_zero_improves_by_a_share_of_its_size():
    losses = [[-1.0, -1.05, -1.2, -1.25]]
    assert plateau_factors(losses, factor=0.5, patience=1, min_delta=0.1)[0].tolist() == [1.0, 0.5, 0.5, 0.25]


@settings(deadline=None, max_examples=50)
@given(LOSSES, st.integers(1, 4), st.sampled_from([0.0, 2**-10, 0.125]), st.sampled_from([0.0, 0.2]))
def test_plateau_cuts_where_torchs_does(losses, patience, min_delta, least):
    """Torch cuts one epoch after ``patience`` bad ones; Keras, and we, in the last of them."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=min_delta, min_lr=least, eps=0.0
    )
    expected = []
    for loss in losses:
        scheduler.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    found = plateau_factors([losses], factor=0.5, patience=patience, min_delta=min_delta, least=least)
    assert found[0].tolist() == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(LOSSES, st.integers(1, 4))
def test_plateau_cuts_where_keras_does(losses, patience):
    """``on_epoch_end`` of Keras' ``ReduceLROnPlateau`` without cooldown, for any improvement however small."""
    best, wait, rate, expected = math.inf, 0, 1.0, []
    for loss in losses:
        if loss < best:
            best, wait = loss, 0
        else:
            wait += 1
            if wait >= patience:
                rate, wait = max(rate * 0.1, 1e-3), 0
        expected.append(rate)
    found = plateau_factors([losses], factor=0.1, patience=patience, min_delta=0.0, least=1e-3)
    assert found[0].tolist() == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.lists(LOSS, min_size=12, max_size=12),
            st.sampled_from([0.1, 0.3, 0.7]),
            st.sampled_from([1e-4, 0.05]),
            st.sampled_from([0.0, 0.3]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 3),
)
def test_a_cells_plateau_has_the_same_bits_beside_others_of_other_numbers(cells, patience):
    names = ("factor", "min_delta", "least")
    losses, *columns = zip(*cells, strict=True)
    rows = {name: torch.tensor([[float(x)] for x in column]) for name, column in zip(names, columns, strict=True)}
    together = plateau_factors(list(losses), **rows, patience=patience)
    for place in range(len(cells)):
        numbers = {name: rows[name][place].item() for name in names}
        alone = plateau_factors([losses[place]], **numbers, patience=patience)
        assert torch.equal(alone[0], together[place])
