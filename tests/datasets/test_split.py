import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets.split import stratified_split


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.floats(0.3, 0.7),
    st.integers(0, 2**64),
)
def test_every_image_falls_on_one_side_and_classes_keep_their_shares(classes, fraction, seed):
    # Each class three times, so that 0.3 to 0.7 of it leaves both sides something.
    labels = np.array(classes * 3, np.int64)
    train, val = stratified_split("x", labels, fraction, seed)
    assert sorted([*train, *val]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(val) > 0).all()
    for number in set(classes):
        members = int((labels == number).sum())
        assert abs(int((labels[val] == number).sum()) - members * fraction) <= 0.5
    again = stratified_split("x", labels, fraction, seed)
    np.testing.assert_array_equal(train, again[0])
    np.testing.assert_array_equal(val, again[1])


def test_seed_decides():
    labels = np.arange(1000) % 10
    first, second = (set(stratified_split("x", labels, 0.2, seed)[1].tolist()) for seed in (0, 1))
    # Two independent fifths share a fifth of each other: 40, give or take 5.
    assert 20 < len(first & second) < 60


def test_every_image_is_as_likely():
    labels = np.arange(20) % 2
    chosen = sum(np.isin(np.arange(20), stratified_split("x", labels, 0.3, seed)[1]) for seed in range(1000))
    # Binomial(1000, 0.3) has a standard deviation of 14.5.
    assert (abs(chosen - 300) < 70).all()


def test_a_larger_fraction_only_adds():
    labels = np.arange(200) % 10
    small, large = (set(stratified_split("x", labels, fraction, 7)[1].tolist()) for fraction in (0.1, 0.3))
    assert small < large


@pytest.mark.parametrize(("fraction", "side"), [(0.01, "none to validate on"), (0.99, "none to train on")])
def test_a_class_without_images_on_a_side_is_refused(fraction, side):
    with pytest.raises(UserError, match=rf"^data\.mine\.validation_fraction={fraction}: .*class 0.*10 images {side}$"):
        stratified_split("mine", np.arange(100) % 10, fraction, 0)
