"""Tuning takes the best setting of what is tuned over, and counts how many would do."""

import pandas as pd

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
