"""Tuning takes the best setting of what is tuned over, and counts how many would do."""

import numpy as np
import pandas as pd

from ablation.reporting.findings.edges import edges
from ablation.reporting.statistics.tuning import sensitivity, tune
from tests.reporting.synthetic import Outcome


def frame(rows):
    cells = pd.DataFrame(rows, columns=["init", "lr", "seed", "best_val_loss", "status"])
    for factor in ("init", "lr", "seed"):
        cells[factor] = pd.Categorical(cells[factor], ordered=True)
    return cells


def test_tuning_takes_the_lowest_median_and_breaks_ties_by_level():
    ok, gone = "finished", "diverged"
    cells = frame(
        [
            ("a", lr, seed, loss, ok)
            for lr, losses in ((0.1, (3, 3, 3)), (1.0, (9, 1, 1)))
            for seed, loss in enumerate(losses)
        ]
        + [("b", lr, seed, 1.0, ok) for lr in (0.1, 1.0) for seed in range(3)]
        + [("c", 0.1, seed, 5.0, ok) for seed in range(3)]
        + [("c", 1.0, seed, 0.1, gone if seed else ok) for seed in range(3)]
        + [("d", lr, seed, None, gone) for lr in (0.1, 1.0) for seed in range(3)]
    )
    tuned = tune(cells, ["init"], ["lr"])
    chosen = tuned.groupby("init", observed=True)["lr"].unique().map(list)
    assert chosen.to_dict() == {"a": [1.0], "b": [0.1], "c": [0.1], "d": [0.1]}
    assert len(tuned) == 12
    assert tune(cells.iloc[::-1], ["init"], ["lr"]).index.sort_values().tolist() == tuned.index.tolist()


def test_learning_rate_sensitivity_counts_rates_where_half_the_seeds_succeed(analysed):
    reach = {0.01: (None, None), 0.1: (2, None), 1.0: (2, 3)}
    a = analysed({"lr": list(reach), "seed": [0, 1]}, lambda c: Outcome(reach[c["lr"]][c["seed"]]))
    assert sensitivity(a.cells, ["init"], ["lr"])[["succeed", "tried"]].to_numpy().tolist() == [[2, 3]]


def test_a_study_can_compare_losses_and_tune(analysed):
    a = analysed(
        {"loss": ["cross_entropy", "mse"], "lr": [0.1, 1.0]},
        lambda c: Outcome(best_loss=c["lr"] if c["loss"] == "mse" else -c["lr"]),
    )
    assert a.tuned.set_index("loss")["lr"].to_dict() == {"cross_entropy": 1.0, "mse": 0.1}


def test_nested_each_seed_stands_at_the_setting_that_the_others_choose():
    """By brute force: for each seed the setting with the least median of the others' losses."""
    rng = np.random.default_rng(0)
    rows = [(i, lr, seed, float(rng.random()), "finished") for i in "ab" for lr in (0.1, 0.3, 1.0) for seed in range(5)]
    rows[4] = (*rows[4][:4], "diverged")
    cells = frame(rows)
    tuned = tune(cells, ["init"], ["lr"], "nested")
    assert len(tuned) == 10
    for row in tuned.itertuples():
        medians = {}
        for lr in (0.1, 0.3, 1.0):
            others = [r for r in rows if r[0] == row.init and r[1] == lr and r[2] != row.seed]
            medians[lr] = np.median([np.inf if r[4] == "diverged" else r[3] for r in others])
        assert row.lr == min(medians, key=medians.get)


def test_a_single_seed_has_no_others():
    cells = frame([("a", lr, 0, loss, "finished") for lr, loss in ((0.1, 3.0), (1.0, 1.0))])
    assert tune(cells, ["init"], ["lr"], "nested")["lr"].tolist() == [1.0]


def test_nested_tuning_does_not_flatter_what_is_noisy():
    """Of settings that are all alike, the one chosen is on average no better than any; by the same seeds it is."""
    rng, gaps = np.random.default_rng(1), {"nested": [], "same": []}
    for _ in range(300):
        rows = [("a", lr, seed, float(rng.normal()), "finished") for lr in (0.1, 0.3, 1.0) for seed in range(3)]
        for how, found in gaps.items():
            found.append(tune(frame(rows), ["init"], ["lr"], how)["best_val_loss"].mean())
    assert abs(np.mean(gaps["nested"])) < 0.1
    assert np.mean(gaps["same"]) < -0.3


def test_edges_are_told_with_their_direction(analysed):
    best = {"relu": 1.0, "tanh": 0.01, "elu": 0.1}
    a = analysed(
        {"activation": list(best), "lr": [0.01, 0.1, 1.0], "seed": [0, 1]},
        lambda c: Outcome(best_loss=abs(np.log(c["lr"] / best[c["activation"]])) + 0.1),
    )
    found = a.sensitivity.set_index("activation")["at_edge"]
    assert found.to_dict() == {"tanh": "lr low", "relu": "lr high", "elu": ""}
    assert a.sensitivity["chosen"].tolist() == [1, 1, 1]
    (text,) = edges(a)
    assert "in 2 of 3 combinations (1 at the highest lr and 1 at the lowest)" in text
    assert "'lr=[0.001,0.01,0.1,1,10]'" in text
