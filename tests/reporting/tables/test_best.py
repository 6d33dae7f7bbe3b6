"""The best and the worst: as planted, never the same, and by what scale there is."""

from ablation.reporting.tables.best import best_worst, winners
from ablation.reporting.tables.combinations import convergence
from tests.reporting.synthetic import Outcome
from tests.reporting.tables.test_terms import FACTORS, planted


def test_best_and_worst_are_ranked_and_never_the_same(analysed):
    speed = {"relu": 1, "tanh": 2, "elu": 4, "gelu": None}
    a = analysed({"activation": list(speed), "depth": [2, 5]}, lambda c: Outcome(speed[c["activation"]]))
    frame = best_worst(a).frame
    for _, part in frame.groupby("depth", observed=True):
        assert part["activation"].tolist() == ["relu", "tanh", "elu", "gelu"]
        assert part["place"].tolist() == ["best 1", "best 2", "worst 2", "worst 1"]
        assert part["rmst"].tolist() == [1, 2, 4, 6]


def test_different_losses_are_ranked_by_accuracy_and_not_by_loss(analysed):
    final = {"cross_entropy": 0.7, "mse": 0.6, "mine": 0.65}
    loss = {"cross_entropy": (2.0, 2.0), "mse": (0.01, 0.01), "mine": (1.0, 1.0)}
    a = analysed({"loss": list(final)}, lambda c: Outcome(1, final=final[c["loss"]], loss=loss[c["loss"]]))
    table = best_worst(a)
    assert table.frame["loss"].tolist() == ["cross_entropy", "mine", "mse"]
    assert "then by best validation accuracy" in table.caption
    assert "mean_loss compares rows of one loss only." in convergence(a).caption


def test_winners_at_each_depth_are_the_planted_ones(analysed):
    frame = winners(analysed(FACTORS, planted, epochs=15)).frame.set_index(["depth", "factor"])
    for depth in (2, 8):
        row = frame.loc[(depth, "normalization")]
        assert (row["winner"], row["contenders"], row["of"]) == ("batch normalization", 1, 2)
        assert row["improvement"] > 0.9
        assert frame.loc[(depth, "combination"), "of"] == 6
    assert "tanh" not in frame.loc[(8, "activation"), "winner"]
