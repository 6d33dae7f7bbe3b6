import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets.split import random_split, stratified_split


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.floats(0.2, 0.35),
    st.floats(0.2, 0.35),
    st.integers(0, 2**64),
)
def test_every_image_is_in_one_part_and_classes_keep_their_shares(classes, validation, test, seed):
    # Each class four times, so that these shares leave every part something.
    labels = np.array(classes * 4, np.int64)
    parts = stratified_split("x", labels, validation, test, seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    assert all((np.diff(part) > 0).all() for part in parts)
    for number in set(classes):
        members = int((labels == number).sum())
        for part, share in zip(parts[1:], (validation, test), strict=True):
            assert abs(int((labels[part] == number).sum()) - members * share) <= 0.5
    again = stratified_split("x", labels, validation, test, seed)
    for one, other in zip(parts, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("part", [1, 2])
def test_seed_decides(part):
    labels = np.arange(1000) % 10
    first, second = (set(stratified_split("x", labels, 0.2, 0.2, seed)[part].tolist()) for seed in (0, 1))
    # Two independent fifths share a fifth of each other: 40, give or take 5.
    assert 20 < len(first & second) < 60


@pytest.mark.parametrize("part", [1, 2])
def test_every_image_is_as_likely(part):
    labels = np.arange(20) % 2
    chosen = sum(np.isin(np.arange(20), stratified_split("x", labels, 0.3, 0.3, seed)[part]) for seed in range(1000))
    # Binomial(1000, 0.3) has a standard deviation of 14.5.
    assert (abs(chosen - 300) < 70).all()


def test_a_larger_fraction_only_adds_and_moves_no_other_part():
    labels = np.arange(200) % 10
    small, large, tested = (
        [set(part.tolist()) for part in stratified_split("x", labels, *shares, 7)]
        for shares in ((0.1, 0.2), (0.3, 0.2), (0.1, 0.5))
    )
    assert small[1] < large[1]
    assert small[2] == large[2]
    assert small[2] < tested[2]
    assert small[1] == tested[1]


@pytest.mark.parametrize(
    ("shares", "side"),
    [
        ((0.01, 0.2), "none to validate on"),
        ((0.2, 0.01), "none to test on"),
        ((0.7, 0.29), "none to train on"),
        ((0.58, 0.58), "none to train on"),
    ],
)
def test_a_class_without_images_in_a_part_is_refused(shares, side):
    told = (
        r"data\.mine\.validation_fraction={} data\.mine\.test_fraction={}: leave class 0 with its 10 examples".format(
            *shares
        )
    )
    with pytest.raises(UserError, match=f"^{told} {side}$"):
        stratified_split("mine", np.arange(100) % 10, *shares, 0)


def test_a_split_by_number_has_parts_of_these_sizes_that_the_seed_decides():
    parts = random_split(50, 12, 8, 3)
    assert [len(part) for part in parts] == [30, 12, 8]
    assert sorted(np.concatenate(parts)) == list(range(50))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert not np.array_equal(random_split(50, 12, 8, 4)[1], parts[1])
