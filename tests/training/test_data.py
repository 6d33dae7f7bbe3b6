import pytest
import torch

from ablation.training.data import BatchOrder, Data, generator
from tests.training.reference import blobs

CPU = torch.device("cpu")


def epoch(order: BatchOrder, number: int) -> torch.Tensor:
    """Return the batches of an epoch, [steps, S, batch]."""
    steps = order.steps_per_epoch
    return torch.stack([order.batch(number * steps + step) for step in range(steps)])


@pytest.mark.parametrize(("examples", "size"), [(64, 16), (70, 16), (257, 33), (5, 5), (7, 1)])
def test_an_epoch_shows_each_example_at_most_once(examples, size):
    order = BatchOrder([0, 3], examples, size, CPU)
    assert order.steps_per_epoch == examples // size
    for number in range(3):
        batches = epoch(order, number)
        assert batches.shape == (examples // size, 2, size)
        for cell in range(2):
            seen = batches[:, cell].flatten()
            assert len(seen.unique()) == examples // size * size
            assert 0 <= seen.min() <= seen.max() < examples


ORDERS = ["random", "fixed", "sorted"]


def brute_force(seed: int, order: str, labels: torch.Tensor, size: int, epochs: int) -> list[list[int]]:
    """The batches of a cell, step by step, as the definition has them."""
    draw, found = generator(seed, "batches"), []
    drawn = [torch.randperm(len(labels), generator=draw).tolist() for _ in range(epochs)]
    for number in range(epochs):
        places = drawn[number] if order == "random" else drawn[0]
        if order == "sorted":
            places = sorted(range(len(labels)), key=lambda at: (float(labels[at]), at))
        found += [places[step * size : (step + 1) * size] for step in range(len(labels) // size)]
    return found


@pytest.mark.parametrize(("examples", "size"), [(40, 8), (43, 8), (5, 5), (9, 1)])
@pytest.mark.parametrize("numbers", [False, True])
def test_every_order_is_that_of_its_definition_whatever_the_others(examples, size, numbers):
    draw = torch.Generator().manual_seed(examples)
    labels = torch.randint(3, (examples,), generator=draw)
    labels = torch.randn(examples, generator=draw).round(decimals=1) if numbers else labels
    cells = [(3, "sorted"), (3, "random"), (1, "fixed"), (1, "random"), (3, "fixed"), (3, "random"), (1, "sorted")]
    seeds, orders = zip(*cells, strict=True)
    together = BatchOrder(seeds, examples, size, CPU, orders, labels)
    found = torch.stack([together.batch(step) for step in range(3 * (examples // size))])
    for place, (seed, order) in enumerate(cells):
        assert found[:, place].tolist() == brute_force(seed, order, labels, size, 3)


@pytest.mark.parametrize("order", ORDERS)
def test_cells_that_leave_change_no_order_of_those_that_stay(order):
    labels = torch.arange(70) % 4
    whole, fewer = (BatchOrder([5, 2, 5, 9], 70, 16, CPU, [*ORDERS, order], labels) for _ in range(2))
    fewer.batch(0)
    fewer.keep(torch.tensor([3]))
    for step in range(1, 13):
        assert torch.equal(fewer.batch(step), whole.batch(step)[3:])


@pytest.mark.parametrize("order", ["fixed", "sorted"])
def test_an_order_that_stays_leaves_the_same_examples_over_in_every_epoch(order):
    labels = torch.arange(70) % 7
    fixed = BatchOrder([0], 70, 16, CPU, [order], labels)
    left = [set(range(70)) - set(epoch(fixed, number).flatten().tolist()) for number in range(4)]
    assert len(set(map(frozenset, left))) == 1
    assert len(left[0]) == 6
    if order == "sorted":
        assert {int(labels[at]) for at in left[0]} == {6}


def test_the_examples_left_over_are_others_in_each_epoch():
    order = BatchOrder([0], 70, 16, CPU)
    left = [set(range(70)) - set(epoch(order, number).flatten().tolist()) for number in range(8)]
    assert all(len(few) == 6 for few in left)
    assert len(set().union(*left)) > 20


def test_each_epoch_has_a_new_order():
    order = BatchOrder([0], 64, 16, CPU)
    assert not torch.equal(epoch(order, 0), epoch(order, 1))


@pytest.mark.parametrize(("one", "other"), [(16, 8), (16, 1), (5, 16)])
def test_a_seed_means_the_same_order_at_any_batch_size(one, other):
    for number in range(2):
        first, second = BatchOrder([7], 70, one, CPU), BatchOrder([7], 70, other, CPU)
        for past in range(number):
            epoch(first, past), epoch(second, past)
        longer, shorter = sorted([epoch(first, number).flatten(), epoch(second, number).flatten()], key=len)[::-1]
        assert torch.equal(longer[: len(shorter)], shorter)


def test_an_order_depends_on_the_seed_and_not_on_the_cohort():
    cohort = BatchOrder([5, 2, 5, 9], 64, 16, CPU)
    alone = {seed: BatchOrder([seed], 64, 16, CPU) for seed in (2, 5, 9)}
    for number in range(2):
        batches = epoch(cohort, number)
        orders = {seed: epoch(order, number)[:, 0] for seed, order in alone.items()}
        for place, seed in enumerate([5, 2, 5, 9]):
            assert torch.equal(batches[:, place], orders[seed])
        assert not torch.equal(orders[2], orders[5])


def test_cells_that_stay_keep_their_order():
    whole, fewer = (BatchOrder([5, 2, 5, 9], 64, 16, CPU) for _ in range(2))
    fewer.batch(0)
    fewer.keep(torch.tensor([1, 3]))
    fewer.keep(torch.tensor([1]))
    for step in range(1, 12):
        assert torch.equal(fewer.batch(step), whole.batch(step)[3:])


def test_steps_may_be_left_out():
    one_by_one, leaping = (BatchOrder([0], 64, 16, CPU) for _ in range(2))
    batches = [one_by_one.batch(step) for step in range(17)]
    assert torch.equal(leaping.batch(16), batches[16])


def test_generators_of_two_uses_or_two_seeds_are_unlike():
    draws = [torch.randn(100, generator=generator(*use)) for use in ((0, "weights"), (0, "batches"), (1, "weights"))]
    again = torch.randn(100, generator=generator(0, "weights"))
    assert torch.equal(draws[0], again)
    correlations = torch.corrcoef(torch.stack(draws)) - torch.eye(3)
    assert correlations.abs().max() < 0.35


def test_a_sample_begins_every_larger_one_and_ends_with_all():
    data = blobs(train=64)
    x, y = data.train_sample(10)
    larger_x, larger_y = data.train_sample(30)
    assert torch.equal(larger_x[:10], x)
    assert torch.equal(larger_y[:10], y)
    whole, _ = data.train_sample(1000)
    assert torch.equal(whole.sort(0).values, data.train_x.sort(0).values)


def test_a_sample_keeps_examples_with_their_labels():
    data = blobs()
    x, y = data.train_sample(20)
    for example, label in zip(x, y, strict=True):
        assert data.train_y[(data.train_x == example).all(1)].tolist() == [label]


def test_parts_follow_each_other():
    x, y = torch.arange(12).view(6, 2), torch.arange(6)
    data = Data.in_order(x, y, (3, 1, 2), 6)
    assert [part.tolist() for part in (data.train_y, data.val_y, data.test_y)] == [[0, 1, 2], [3], [4, 5]]
    for part_x, part_y in ((data.train_x, data.train_y), (data.val_x, data.val_y), (data.test_x, data.test_y)):
        assert torch.equal(part_x, x[part_y])


def test_moving_data_keeps_them():
    data = blobs(features=9, classes=3)
    moved = data.to(CPU)
    assert (moved.features, moved.outputs) == (9, 3)
    for name in ("train_x", "train_y", "val_x", "val_y", "test_x", "test_y"):
        assert torch.equal(getattr(moved, name), getattr(data, name))
