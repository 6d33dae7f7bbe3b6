"""When a target is met: curve by curve, against what one would say oneself."""

import math

import numpy as np
import pandas as pd
import pytest

from ablation.records.arrival import time_to_target


def curve(*accuracies, row=0):
    n = len(accuracies)
    return pd.DataFrame(
        {
            "row": row,
            "step": np.arange(n) * 5,
            "epoch": np.arange(n, dtype=float),
            "val_accuracy": np.float32(accuracies),
        }
    )


@pytest.mark.parametrize(
    ("accuracies", "epochs"),
    [
        ((0.1, 0.5, 0.9, 0.95), 2),
        ((0.1, 0.9, 0.5, 0.9, 0.9), 3),  # a single lucky evaluation does not count
        ((0.1, 0.2, 0.3, 0.9), 3),  # the last evaluation needs no other
        ((0.1, 0.9, 0.2, 0.3), math.inf),
        ((0.95, 0.95, 0.1), 0),
        ((0.9,), 0),
        ((0.1, math.nan, 0.9, math.nan), math.inf),
        ((0.1, 324 / 360, 324 / 360), 1),  # 0.9 in single precision is below 0.9 in double
    ],
)
def test_time_is_first_evaluation_that_holds(accuracies, epochs):
    times, steps, _, _ = time_to_target(curve(*accuracies), np.array([0.9]), np.array([False]), 5.0)
    assert times.tolist() == [epochs]
    assert steps.tolist() == [epochs * 5]


def test_cells_do_not_see_each_other():
    curves = pd.concat([curve(0.1, 0.9), curve(0.9, 0.1, row=1), curve(0.9, 0.9, row=2)], ignore_index=True)
    times = time_to_target(curves, np.full(4, 0.9), np.zeros(4, bool), 5.0).epochs
    assert times.tolist() == [1, math.inf, 0, math.inf]  # the fourth has no evaluation at all


def test_diverged_cell_is_censored_even_if_it_was_there():
    found = time_to_target(curve(0.9, 0.95, 0.99), np.array([0.9]), np.array([True]), 5.0)
    assert [each.item() for each in found] == [math.inf, math.inf, 5.0, math.inf]


@pytest.mark.parametrize(
    ("accuracies", "after", "by"),
    [
        ((0.1, 0.5, 0.9, 0.95), 1, 2),
        ((0.1, 0.9, 0.5, 0.9, 0.9), 2, 3),
        ((0.95, 0.95, 0.1), 0, 1),  # there before its first step: no later than the first evaluation behind it
        ((0.9,), 0, 0),
        ((0.1, 0.2, 0.3), 5, math.inf),
    ],
)
def test_the_target_is_met_between_two_evaluations(accuracies, after, by):
    found = time_to_target(curve(*accuracies), np.array([0.9]), np.array([False]), 5.0)
    assert (found.after.item(), found.by.item()) == (after, by)
