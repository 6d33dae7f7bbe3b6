"""Scores over seeds against pandas and scipy, and which combination is the best."""

import numpy as np
import pytest
from scipy import stats

from ablation.reporting.statistics.scores import best_combination
from ablation.reporting.tables.accuracy import accuracy, accuracy_by_level
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "tanh"], "depth": [2, 5], "seed": [0, 1, 2]}
FINAL = {"relu": 0.9, "tanh": 0.93}


def planted(cell):
    gone = cell["seed"] == 2 and (cell["activation"], cell["depth"]) == ("relu", 5)
    return Outcome(1, final=FINAL[cell["activation"]] + 0.01 * cell["seed"], diverges=3 if gone else None)


def test_every_combination_has_its_means_and_intervals_and_diverged_seeds_guess(analysed):
    a = analysed(LEVELS, planted)
    frame = accuracy(a).frame.set_index(["activation", "depth"])
    assert frame["combination"].tolist() == [1, 2, 3, 4]
    assert frame["diverged"].to_dict() == {("relu", 2): 0, ("relu", 5): 1, ("tanh", 2): 0, ("tanh", 5): 0}
    for (level, depth), row in frame.iterrows():
        own = [FINAL[level] + 0.01 * seed for seed in range(3)]
        test = [value - 0.1 for value in own]
        if (level, depth) == ("relu", 5):
            own[2], test[2] = 0.1, 0.1
        for column, values in (("val_accuracy", own), ("test_accuracy", test), ("best_val_accuracy", own)):
            assert row[column] == pytest.approx(np.mean(values), abs=1e-6)
            low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
            ends = row[f"{column}_low"], row[f"{column}_high"]
            assert ends == pytest.approx((max(low, 0), min(high, 1)), abs=1e-6)


def test_levels_at_each_depth_are_means_over_their_cells(analysed):
    levels = {**LEVELS, "init": ["he_normal", "zeros"]}
    frame = accuracy_by_level(analysed(levels, planted)).frame.set_index(["factor", "level", "depth"])
    assert len(frame) == 8
    assert frame.loc[("activation", "tanh", 2), "cells"] == 6
    assert frame.loc[("init", "zeros", 5), "diverged"] == 1
    expected = np.mean([FINAL[level] + 0.01 * seed for level in FINAL for seed in range(3)])
    assert frame.loc[("init", "zeros", 2), "val_accuracy"] == pytest.approx(expected)


def test_the_best_is_so_by_validation_and_never_by_the_test_part(analysed):
    summary = analysed(LEVELS, planted).scores
    flattered = summary.assign(test_accuracy=[1.0, 0.5, 0.5, 0.5], val_accuracy=[0.8, 0.9, 0.9, 0.7])
    assert best_combination(flattered) == 1


def test_depth_alone_and_nothing_at_all_have_a_row_a_depth(analysed):
    assert accuracy_by_level(analysed({"depth": [2, 5]}, planted)).frame["level"].tolist() == ["2", "5"]
