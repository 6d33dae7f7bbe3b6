"""What was measured, over common times."""

import numpy as np
import pandas as pd

from ablation.reporting.statistics.trajectories import over_time

NONE = np.nan


def test_a_value_is_kept_until_the_next_and_what_diverged_guesses_from_there_on():
    rows = [(3, 0.0, 0.2), (3, 1.0, 0.5), (5, 0.0, 0.3), (5, 2.0, 0.6), (5, 3.0, NONE), (7, 0.0, 0.9), (9, 1.0, NONE)]
    curves = pd.DataFrame(rows, columns=["row", "epoch", "value"])
    cells = pd.DataFrame({"diverged": [False, True, True]}, index=[3, 5, 9])
    grid, guess = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.1, 0.25])
    found = over_time(curves, curves["value"].to_numpy(), "epoch", grid, cells, guess)
    np.testing.assert_array_equal(
        found, [[0.2, 0.5, 0.5, 0.5, 0.5], [0.3, 0.3, 0.6, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25, 0.25]]
    )
