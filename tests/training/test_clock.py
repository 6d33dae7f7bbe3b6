import pytest

from ablation.training.clock import Clock, evaluation_steps, probe_steps
from tests.training.reference import spec


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 7), (5, 4), (3, 16), (10, 33), (2, 1)])
def test_probes_are_at_zero_powers_of_two_and_epoch_ends(epochs, steps_per_epoch):
    last = epochs * steps_per_epoch
    expected = [s for s in range(last + 1) if s % steps_per_epoch == 0 or s in {2**k for k in range(20)}]
    assert probe_steps(epochs, steps_per_epoch) == expected


@pytest.mark.parametrize(
    ("at", "steps"),
    [
        ((), [0, 10, 20]),
        ((0.25, 0.74), [0, 3, 7, 10, 20]),  # a half is rounded up
        ((0.16, 0.21, 0.24), [0, 2, 10, 20]),  # three of one step
        ((0.001, 0.04), [0, 1, 10, 20]),  # nearest to the start, where nothing was trained
        ((0.97, 1.0, 1.02, 2.0), [0, 10, 20]),  # on an epoch's end
        ((1.5, 2.5, 1e300), [0, 10, 15, 20]),  # beyond the horizon
    ],
)
def test_evaluations_are_at_epoch_ends_and_the_steps_nearest_to_what_is_asked(at, steps):
    assert evaluation_steps(2, 10, at) == steps
    assert probe_steps(2, 10, at) == sorted({1, 2, 4, 8, 16, *steps})


def test_nothing_is_evaluated_after_the_start_where_nothing_is_trained():
    assert evaluation_steps(0, 10, (0.25, 0.5)) == probe_steps(0, 10, (0.25, 0.5)) == [0]
    assert evaluation_steps(2, 1, (0.25, 0.5, 1.25)) == [0, 1, 2]


@pytest.mark.parametrize("batch_size", [1, 7, 16, 40, 64])
def test_of_equal_steps_all_batch_sizes_have_one_clock_and_of_equal_epochs_each_its_own(batch_size):
    equal = Clock.of(spec(batch_size=batch_size, epochs=5, steps=60), 64)
    assert (equal, equal.steps) == (Clock(5, 12), 60)
    own = Clock.of(spec(batch_size=batch_size, epochs=5), 64)
    assert own == Clock(5, 64 // batch_size)
