"""Slopes against numpy's least squares, and every failure class planted once."""

import math

import numpy as np
import pandas as pd
import pytest

from ablation.reporting.statistics.health import clip_share, depth_profile, ends, standing_still
from tests.reporting.synthetic import Outcome


def layers(delta, row=0, steps=(0,), dead=0.0):
    n = len(delta)
    frame = pd.DataFrame({"row": row, "step": np.repeat(steps, n), "layer": np.tile(np.arange(1, n + 1), len(steps))})
    frame["delta_norm"] = np.tile(np.float32(delta), len(steps))
    return frame.assign(dead_fraction=dead, saturated_fraction=0.5, update_ratio=1e-3)


def profile(delta):
    return depth_profile(ends(layers(delta))).query("probe == 'first'").iloc[0]


def test_slope_is_least_squares_in_decades():
    delta = np.array([3e-7, 1e-5, 2e-3, 1e-2, 0.4])
    expected = np.polyfit(np.arange(1, 6), np.log10(delta), 1)[0]
    assert profile(delta)["slope"] == pytest.approx(expected, rel=1e-6)
    assert profile(delta)["ratio"] == pytest.approx(3e-7 / 0.4)


@pytest.mark.parametrize(
    ("delta", "slope", "ratio", "vanishing", "exploding"),
    [
        ((1e-5, 1e-3, 0.1), 2, 1e-4, True, False),
        ((10, 0.1, 1e-3), -2, 1e4, False, True),
        ((1.0, 1.0), 0, 1, False, False),
        ((0.0, 0.01, 0.1), 1, 0, True, False),  # zero has no logarithm, but its gradient has vanished
        ((0.0, 0.0), math.nan, 0, True, False),
        ((0.5,), math.nan, 1, False, False),
        ((math.inf, 1.0, 0.1), -1, math.inf, False, True),
        ((math.nan, 1.0), math.nan, math.nan, False, False),
    ],
)
def test_vanishing_and_exploding(delta, slope, ratio, vanishing, exploding):
    row = profile(delta)
    assert row["slope"] == pytest.approx(slope, nan_ok=True, abs=1e-6)
    assert row["ratio"] == pytest.approx(ratio, nan_ok=True, rel=1e-6)
    assert (row["vanishing"], row["exploding"]) == (vanishing, exploding)


def test_ends_are_each_cells_own_first_and_last_probe():
    frame = pd.concat([layers([1, 1], 0, (0, 4, 9)), layers([1, 1], 1, (0, 2))], ignore_index=True)
    found = ends(frame)
    assert found.groupby(["row", "probe"])["step"].min().to_dict() == {
        (0, "first"): 0,
        (0, "last"): 9,
        (1, "first"): 0,
        (1, "last"): 2,
    }


def test_clip_share_weighs_by_steps():
    curves = pd.DataFrame({"row": [0, 0, 0, 1], "step": [0, 10, 40, 0], "clip_fraction": [np.nan, 1.0, 0.5, np.nan]})
    share = clip_share(curves, 2)
    assert share[0] == pytest.approx((10 + 15) / 40)
    assert np.isnan(share[1])


def test_standing_still_compares_the_middle_with_the_end():
    curves = pd.DataFrame(
        {
            "row": np.repeat([0, 1, 2, 3], 5),
            "epoch": np.tile(np.arange(5.0), 4),
            "train_loss": [9, 5, 2.3, 2.3, 2.299, 9, 5, 2.3, 2.3, 2.2, 1, 1, 1, 1, math.nan, 0, 0, 0, 0, 0],
        }
    )
    assert standing_still(curves, 4, 4.0).tolist() == [True, False, False, True]


CLASSED = {
    0: ("converged", Outcome(2)),
    1: ("converged", Outcome(2, dead=0.9, saturated=0.9)),  # a cell that learned has not failed
    2: ("diverged", Outcome(1, diverges=3, dead=0.9)),
    3: ("dead", Outcome(None, dead=0.6)),
    4: ("slow", Outcome(None, saturated=0.9)),  # half of a rectifier's samples have no slope by design
    5: ("vanished", Outcome(None, update_ratio=1e-9, loss=(2.302, 2.301))),
    6: ("slow", Outcome(None, update_ratio=1e-9)),  # the loss still moves
    7: ("plateau", Outcome(None, loss=(2.302, 2.301))),
    8: ("slow", Outcome(None)),
}


def test_failure_classes(analysed):
    a = analysed({"seed": list(CLASSED)}, lambda cell: CLASSED[cell["seed"]][1])
    assert a.cells.set_index("seed")["failure"].to_dict() == {seed: name for seed, (name, _) in CLASSED.items()}


def test_saturated_is_asked_of_bounded_activations(analysed):
    a = analysed({"activation": ["tanh", "relu"]}, lambda _: Outcome(None, saturated=0.9))
    assert a.cells.set_index("activation")["failure"].to_dict() == {"tanh": "saturated", "relu": "slow"}
