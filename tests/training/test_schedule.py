"""Schedules of a cohort: each reaches the step, beside whatever others, and where cells have left."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from ablation.choices.schedules import SCHEDULES
from ablation.training.ingredients import Moment
from ablation.training.outcome import Outcome
from ablation.training.schedule import Schedules, table_of
from ablation.training.spec import Level
from ablation.training.trainer import train
from tests.compiler import needs_compiler, needs_native
from tests.training.reference import Net, blobs, level, optimizer, spec, torch_loop

CPU = torch.device("cpu")
STEPS, EPOCH = 20, 4
"""Of the cells below: five epochs of four steps."""

LEVELS = [
    level("constant", warmup=0.0),
    level("constant", warmup=0.3),
    level("step", factor=0.5, every=1.0, warmup=0.0),
    level("exponential", factor=0.1, every=2.0, warmup=0.1),
    level("power", exponent=1.0, every=1.0, warmup=0.0),
    level("cosine", final=0.0, warmup=0.2),
    level("cosine", final=0.1, warmup=0.0),
    level("linear", final=0.0, warmup=0.0),
    level("one_cycle", pct_start=0.3, div_factor=25.0, final_div_factor=1e4),
    level("plateau", factor=0.5, patience=1, min_delta=0.2, least=0.1),
    level("plateau", factor=0.3, patience=2, min_delta=0.05, least=0.0),
]


def moment(step: int, val_loss_S1: torch.Tensor) -> Moment:
    return Moment(torch.tensor(step), STEPS, EPOCH, val_loss_S1, torch.tensor(step - step % EPOCH))


def same(one: Outcome, other: Outcome) -> bool:
    return all(
        np.array_equal(np.asarray(mine), np.asarray(theirs), equal_nan=True)
        for mine, theirs in (
            (one.weights, other.weights),
            (one.curves, other.curves),
            (one.layers, other.layers),
            (one.test, other.test),
        )
    )


# The law: a cell's rates depend on its own schedule and losses only.


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(LEVELS), st.integers(0, 2**16)), min_size=1, max_size=9),
    st.data(),
)
def test_a_cells_rates_are_the_same_alone_and_beside_others_that_leave(cells, data):
    levels, seeds = [of for of, _ in cells], [seed for _, seed in cells]
    draws = [np.random.default_rng(seed) for seed in seeds]
    lr = [float(draw.uniform(0.01, 1.0)) for draw in draws]
    losses = [draw.uniform(0.1, 2.0, STEPS).astype(np.float32) for draw in draws]
    alone = [rates([of], [lr[place]], [losses[place]], []) for place, of in enumerate(levels)]
    leave = data.draw(st.lists(st.tuples(st.integers(0, STEPS - 1), st.integers(0, len(cells) - 1)), max_size=4))
    together = rates(levels, lr, losses, leave)
    for place in range(len(cells)):
        assert together[place] == alone[place][0][: len(together[place])]


def rates(levels, lr, losses, leave):
    """The rates of every cell, step by step, until it leaves; the last cell never does."""
    made, places = Schedules(levels, STEPS, EPOCH, CPU), list(range(len(levels)))
    found: list[list[float]] = [[] for _ in levels]
    for step in range(STEPS):
        gone = {place for when, place in leave if when == step and place in places}
        if gone and len(gone) < len(places):
            stay = [row for row, place in enumerate(places) if place not in gone]
            made.keep(torch.tensor(stay))
            places = [places[row] for row in stay]
        lr_S1 = torch.tensor([[lr[place]] for place in places])
        loss_S1 = torch.tensor([[losses[place][step // EPOCH]] for place in places])
        rate_S1 = made.rate(lr_S1, moment(step, loss_S1))
        assert rate_S1.shape == lr_S1.shape
        assert rate_S1.dtype == torch.float32
        for place, rate in zip(places, rate_S1.flatten().tolist(), strict=True):
            found[place].append(rate)
    return found


HOW = ["eager", pytest.param("layers", marks=needs_compiler), pytest.param("native", marks=needs_native)]


@pytest.mark.parametrize("compile", HOW)
def test_a_cell_has_the_same_bits_alone_and_beside_cells_of_other_schedules(compile):
    data = blobs()
    cells = [
        spec(
            schedule=of,
            widths=(7, 5),
            activation="leaky_relu",
            lr=1e9 if place % 4 == 3 or place == 20 else 0.1,
            seed=place % 3,
            optimizer=optimizer("momentum", 0.9),
            compile=compile,
        )
        for place, of in enumerate(2 * LEVELS)
    ]
    together = train(cells, data)
    assert {3, 7, 11, 20} <= {place for place, outcome in enumerate(together) if outcome.diverged_step is not None}
    for place, cell in enumerate(cells):
        assert same(train([cell], data)[0], together[place]), place
    assert same(train(cells[::-3], data)[0], together[-1])


# Each schedule reaches the step: the parameters are those of a plain loop with torch's scheduler.


def stepped(make):
    """A factor for ``torch_loop`` by one of torch's schedulers."""
    rule = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(rule)

    def factor(step: int, net: Net) -> float:
        if step:
            rule.step()
            scheduler.step()
        return float(rule.param_groups[0]["lr"])

    return factor


def waiting(data, patience: int, **settings: float):
    """Likewise by torch's scheduler that looks at the validation loss."""
    rule = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(rule, patience=patience - 1, eps=0.0, **settings)

    def factor(step: int, net: Net) -> float:
        if step % EPOCH == 0:
            scheduler.step(net.score(data.val_x, data.val_y, step, 16)[0])
        return float(rule.param_groups[0]["lr"])

    return factor


def warmed(rising: int, make):
    """Linear warm-up, and then another of torch's schedulers."""
    first, then = stepped(lambda o: lr_scheduler.LinearLR(o, 1 / rising, 1.0, rising - 1)), stepped(make)
    return lambda step, net: first(step, net) if step < rising else then(step - rising, net)


def expected_of(name, data):
    return {
        "constant": warmed(6, lambda o: lr_scheduler.ConstantLR(o, 1.0, 1)),
        "step": stepped(lambda o: lr_scheduler.StepLR(o, EPOCH, 0.5)),
        "exponential": warmed(2, lambda o: lr_scheduler.ExponentialLR(o, 0.1 ** (1 / (2 * EPOCH)))),
        "power": lambda step, net: 1 / (1 + step / EPOCH),
        "cosine": warmed(4, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS - 4)),
        "linear": stepped(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, STEPS)),
        "one_cycle": stepped(lambda o: lr_scheduler.OneCycleLR(o, 1.0, STEPS, pct_start=0.3, cycle_momentum=False)),
        "plateau": waiting(data, 1, factor=0.5, threshold=0.2, min_lr=0.1),
    }[name]


@pytest.mark.parametrize("compile", HOW)
@pytest.mark.parametrize("kind", ["sgd", "momentum"])
def test_every_schedule_reaches_the_step_as_in_a_plain_loop(kind, compile):
    data = blobs()
    chosen = {of.kind: of for of in reversed(LEVELS[1:])}
    assert chosen.keys() == SCHEDULES.keys()
    cells = [spec(schedule=of, lr=0.3, optimizer=optimizer(kind), compile=compile) for of in chosen.values()]
    constant = train([spec(lr=0.3, optimizer=optimizer(kind), compile=compile)], data)[0].weights
    for name, cell, outcome in zip(chosen, cells, train(cells, data), strict=True):
        trace = torch_loop(cell, data, expected_of(name, data))
        torch.testing.assert_close(outcome.weights, trace.weights, rtol=0, atol=1e-4 if compile == "layers" else 2e-5)
        assert (outcome.weights - constant).abs().max() > 1e-2


# How it is done.


def test_where_all_factors_are_one_nothing_is_done():
    lr_S1 = torch.tensor([[0.1], [0.2]])
    made = Schedules([LEVELS[0], LEVELS[0]], STEPS, EPOCH, CPU)
    assert made.rate(lr_S1, moment(3, lr_S1)) is lr_S1
    made = Schedules([LEVELS[0], LEVELS[7]], STEPS, EPOCH, CPU)
    assert made.rate(lr_S1, moment(10, lr_S1)).flatten().tolist() == pytest.approx([0.1, 0.1])
    made.keep(torch.tensor([0]))
    assert made.rate(lr_S1[:1], moment(10, lr_S1)).tolist() == lr_S1[:1].tolist()


def test_a_rule_of_time_is_called_once_a_step_and_level_in_a_process(monkeypatch):
    seen = []

    def branching(*, step, steps, by: float = 2.0):
        seen.append((by, int(step)))
        return 1.0 if step < steps // 2 else torch.tensor(1.0, dtype=torch.float64) / by

    monkeypatch.setitem(SCHEDULES, "branching", branching)
    cells = [spec(schedule=level("branching", by=by), seed=seed) for by in (2.0, 3.0) for seed in range(3)]
    for _ in range(2):
        train(cells, blobs())
    assert seen == list(itertools.product((2.0, 3.0), range(STEPS)))
    table = table_of(branching, (("by", 3.0),), STEPS, EPOCH)
    assert table.tolist() == [1.0] * 10 + [np.float32(1 / 3)] * 10


def test_words_part_the_calls_of_a_rule_and_numbers_do_not(monkeypatch):
    calls = []

    def halving(*, val_loss_S1, state, by: float = 0.5, when: str = "always", anew: bool = False):
        calls.append((len(val_loss_S1), by if isinstance(by, float) else by.flatten().tolist(), when, anew))
        return torch.full_like(val_loss_S1, 1.0) * by

    monkeypatch.setitem(SCHEDULES, "halving", halving)
    levels = [
        level("halving", by=by, when=when, anew=anew)
        for by, when, anew in ((0.5, "a", True), (0.25, "b", True), (0.75, "a", True), (0.25, "b", False))
    ]
    lr_S1 = torch.ones(4, 1)
    made = Schedules(levels, STEPS, EPOCH, CPU)
    assert made.rate(lr_S1, moment(0, lr_S1)).flatten().tolist() == [0.5, 0.25, 0.75, 0.25]
    assert calls == [(2, [0.5, 0.75], "a", True), (1, 0.25, "b", True), (1, 0.25, "b", False)]
    calls.clear()
    made.keep(torch.tensor([2, 3]))
    assert made.rate(lr_S1[2:], moment(1, lr_S1[2:])).flatten().tolist() == [0.75, 0.25]
    assert calls == [(1, [0.75], "a", True), (1, 0.25, "b", False)]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_training_of_no_step_and_of_one_work(kind):
    (none,) = train([spec(schedule=kind, epochs=0)], blobs())
    (one,) = train([spec(schedule=kind, epochs=1, batch_size=64)], blobs())
    assert none.curve_steps.tolist() == [0]
    assert one.curve_steps.tolist() == [0, 1]
    assert np.isfinite(one.curves[:, :4]).all()


def test_a_cell_that_is_never_finite_waits_and_touches_no_other():
    losses_S1 = torch.tensor([[math.nan], [1.0]])
    made = Schedules([LEVELS[9], LEVELS[10]], STEPS, EPOCH, CPU)
    for step in range(STEPS):
        rate_S1 = made.rate(torch.ones(2, 1), moment(step, losses_S1))
    assert rate_S1.flatten().tolist() == pytest.approx([0.5**3 if False else 0.1, 0.3**2], rel=1e-6)


def test_a_plateau_is_cut_no_more_often_than_losses_are_measured():
    """Sixteen epochs in one, two and sixteen periods, at whose ends alone losses are measured; none improves enough."""
    waiting = level("plateau", factor=0.5, patience=1, min_delta=0.99, least=0.0)
    one, two, sixteen = (factors_of(spec(schedule=waiting, epochs=periods, steps=64)) for periods in (1, 2, 16))
    assert one == [1.0] * 64
    assert two == [1.0] * 32 + [0.5] * 32
    assert sixteen == [0.5 ** (step // 4) for step in range(64)]


def factors_of(cell) -> list[float]:
    """The factors of a cell's plateau in all of its steps."""
    found, called = [], SCHEDULES["plateau"]

    def plateau(*, step, steps_per_epoch, val_loss_S1, evaluated, state, patience: int = 1, **numbers):
        offered = {"step": step, "steps_per_epoch": steps_per_epoch, "val_loss_S1": val_loss_S1, "evaluated": evaluated}
        found.append(called(**offered, state=state, patience=patience, **numbers))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCHEDULES, "plateau", plateau)
        train([cell], blobs())
    return [each.item() for each in found]


def test_rules_that_are_equal_are_not_taken_for_one_another():
    class Equal:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        def __hash__(self) -> int:
            return 0

        def __call__(self, *, step):
            return self.factor

    assert [table_of(Equal(factor), (), 2, 1).tolist() for factor in (0.5, 0.25)] == [[0.5, 0.5], [0.25, 0.25]]


def test_what_a_rule_is_not_offered_is_refused(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "mine", lambda *, epoch: 1.0)
    with pytest.raises(ValueError, match="asks for epoch, which no schedule is handed"):
        Schedules([Level("mine", {})], STEPS, EPOCH, CPU)
