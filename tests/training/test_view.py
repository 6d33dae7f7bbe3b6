"""Views against their definition: which examples they have, whose labels they replace, and what they leave alone."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ablation.training.data import Data
from ablation.training.view import View, seen, stratified
from tests.training.reference import blobs

DATA = blobs(train=300, classes=4)
DATA.train_x[:, 0] = torch.arange(300)  # by which an example is known
NUMBERS = replace(DATA, train_y=torch.linspace(-2.0, 3.0, 300))
CPU = torch.device("cpu")


def places(view: Data) -> list[int]:
    """Where each training example of a view lies in the whole part."""
    found = view.train_x[:, 0].long()
    assert torch.equal(view.train_x, DATA.train_x[found])
    return found.tolist()


def changed(view: Data, whole: Data = DATA) -> set[int]:
    """The places in the whole part of the examples whose label is another in the view."""
    return {at for at, y in zip(places(view), view.train_y.tolist(), strict=True) if y != whole.train_y[at]}


def house(counts: list[int], seats: int) -> list[float]:
    """The quotient at which each class got its last seat, by handing out one seat after the other."""
    given = [0] * len(counts)
    for _ in range(seats):
        best = max(range(len(counts)), key=lambda c: counts[c] / (2 * given[c] + 1) if given[c] < counts[c] else -1)
        given[best] += 1
    return sorted((2 * got - 1) / count for got, count in zip(given, counts, strict=True) if got)


def test_the_whole_is_the_data_themselves():
    whole = seen(DATA, View())
    assert View().is_whole
    assert whole.train_x is DATA.train_x
    assert whole.train_y is DATA.train_y
    every = seen(DATA, View(examples=300))
    assert every.train_x is DATA.train_x


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 3))
def test_a_smaller_set_is_contained_in_a_larger_and_keeps_its_order(one, other, split):
    few, many = (places(seen(DATA, View(size, split=split))) for size in sorted((one, other)))
    assert len(few) == min(one, other)
    assert set(few) <= set(many)
    assert few == sorted(few)
    assert len(set(many)) == len(many)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.data())
def test_every_beginning_has_each_class_as_seats_are_given_out_one_by_one(counts, data):
    labels = torch.cat([torch.full((count,), c) for c, count in enumerate(counts)])
    size = data.draw(st.integers(1, len(labels)))
    found = labels[stratified(labels, 0)[:size]].bincount(minlength=len(counts)).tolist()
    # Which of several classes with the same quotient gets a seat is left to chance.
    told = sorted((2 * got - 1) / count for got, count in zip(found, counts, strict=True) if got)
    assert max(told) == pytest.approx(max(house(counts, size)))
    for got, count in zip(found, counts, strict=True):
        assert abs(got - size * count / len(labels)) <= 0.5 + len(counts) / 2 * max(counts) / len(labels)


def test_classes_of_a_kind_have_alike_shares():
    labels = torch.arange(1000) % 10
    order = stratified(labels, 0)
    for size in (10, 37, 256):
        counts = labels[order[:size]].bincount(minlength=10)
        assert counts.max() - counts.min() <= 1
        assert counts.min() == size // 10


def test_within_a_class_the_order_is_random_and_the_splits_own():
    labels = torch.zeros(500, dtype=torch.int64)
    one, other = stratified(labels, 0), stratified(labels, 1)
    assert sorted(one.tolist()) == list(range(500))
    for a, b in ((one, torch.arange(500)), (other, torch.arange(500)), (one, other)):
        assert abs(float(torch.corrcoef(torch.stack([a.double(), b.double()]))[0, 1])) < 0.15


@pytest.mark.parametrize("whole", [DATA, NUMBERS], ids=["classes", "numbers"])
@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.one_of(st.none(), st.integers(1, 300)),
    st.one_of(st.none(), st.integers(1, 300)),
)
def test_the_labels_of_a_smaller_share_are_among_those_of_a_larger(whole, one, other, examples, others):
    less, more = (seen(whole, View(examples, share)) for share in sorted((one, other)))
    assert changed(less, whole) <= changed(more, whole)
    same = dict(zip(places(less), less.train_y.tolist(), strict=True))
    there = dict(zip(places(more), more.train_y.tolist(), strict=True))
    assert all(same[at] == there[at] for at in changed(less, whole)), "and they are the same labels"
    among = seen(whole, View(others, one))
    here = dict(zip(places(among), among.train_y.tolist(), strict=True))
    both = changed(less, whole) & changed(among, whole)
    assert all(same[at] == here[at] for at in both), "whatever other examples there are"
    assert len(changed(more, whole)) <= round(max(one, other) * len(more.train_y))


def test_random_labels_are_uniform_over_all_classes_and_as_many_as_the_share_says():
    whole = blobs(train=8000, features=3, classes=4)
    noisy = seen(whole, View(label_noise=0.5))
    # A quarter of 4,000 random labels is the true one by chance, give or take three deviations.
    other = int((noisy.train_y != whole.train_y).sum())
    assert abs(other - 3000) < 3 * (4000 * 0.25 * 0.75) ** 0.5
    every = seen(whole, View(label_noise=1.0)).train_y
    assert (every.bincount(minlength=4) - 2000).abs().max() < 3 * (8000 * 0.25 * 0.75) ** 0.5
    pairs = torch.zeros(4, 4)
    for true, drawn in zip(whole.train_y, every, strict=True):
        pairs[true, drawn] += 1
    assert (pairs / pairs.sum(1, keepdim=True) - 0.25).abs().max() < 0.05, "they tell nothing of the true ones"


def test_a_class_without_an_example_is_drawn_too():
    two = replace(DATA, train_y=DATA.train_y % 2)
    assert seen(two, View(label_noise=1.0)).train_y.unique().tolist() == [0, 1, 2, 3]


def test_an_example_has_the_same_random_label_whatever_others_there_are():
    few, many = seen(DATA, View(100, 1.0)), seen(DATA, View(label_noise=1.0))
    label = dict(zip(places(many), many.train_y.tolist(), strict=True))
    assert [label[at] for at in places(few)] == few.train_y.tolist()


@given(st.floats(0, 1), st.one_of(st.none(), st.integers(1, 300)), st.integers(0, 3))
def test_each_number_that_is_replaced_is_by_that_of_another_example(share, examples, split):
    view = seen(NUMBERS, View(examples, share, split))
    assert len(changed(view, NUMBERS)) == round(share * len(view.train_y))
    assert set(view.train_y.tolist()) <= set(NUMBERS.train_y.tolist())
    assert len(set(view.train_y.tolist())) >= len(view.train_y) - 1, "none stands for two, but where the turns begin"
    assert view.train_y.dtype == torch.float32


def test_one_target_alone_is_replaced_by_another():
    assert len(changed(seen(NUMBERS, View(label_noise=1 / 300)), NUMBERS)) == 1


def test_where_all_numbers_are_replaced_they_change_places():
    every = seen(NUMBERS, View(label_noise=1.0)).train_y
    assert every.sort().values.tolist() == NUMBERS.train_y.tolist()
    assert abs(float(torch.corrcoef(torch.stack([every.double(), NUMBERS.train_y.double()]))[0, 1])) < 0.2


def test_nothing_but_the_training_part_is_touched():
    view = seen(DATA, View(20, 1.0, 3))
    assert (view.features, view.outputs) == (DATA.features, DATA.outputs)
    for name in ("val_x", "val_y", "test_x", "test_y"):
        assert getattr(view, name) is getattr(DATA, name)
    before: Tensor = blobs(train=300, classes=4).train_y
    assert torch.equal(DATA.train_y, before), "the data themselves are left as they were"
    assert seen(DATA, View(label_noise=0.5)).train_x is DATA.train_x


@pytest.mark.parametrize("examples", [0, 301])
def test_more_examples_than_there_are_are_refused(examples):
    with pytest.raises(ValueError, match=f"a view of {examples} examples: the training part has 300"):
        seen(DATA, View(examples))
