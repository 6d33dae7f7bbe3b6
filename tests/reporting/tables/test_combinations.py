"""The tables of convergence: their rows, ranks, and what is said of the tuning."""

from ablation.reporting.tables.combinations import best_worst, convergence, learning_rate
from tests.reporting.synthetic import Outcome


def test_convergence_has_every_combination_once(small_analysis):
    frame = convergence(small_analysis).frame
    by = list(small_analysis.design.compared)
    assert len(frame) == 32
    assert not frame.duplicated(by).any()
    assert set(frame["lr"]) <= {0.1, 1.0}


def test_best_and_worst_are_ranked_and_never_the_same(analysed):
    speed = {"relu": 1, "tanh": 2, "elu": 4, "gelu": None}
    a = analysed({"activation": list(speed), "depth": [2, 5]}, lambda c: Outcome(speed[c["activation"]]))
    frame = best_worst(a).frame
    for _, part in frame.groupby("depth", observed=True):
        assert part["activation"].tolist() == ["relu", "tanh", "elu", "gelu"]
        assert part["place"].tolist() == ["best 1", "best 2", "worst 2", "worst 1"]
        assert part["rmst"].tolist() == [1, 2, 4, 6]


def test_tuning_at_the_edge_is_said(analysed):
    losses = {0.01: 3.0, 0.1: 1.0, 1.0: 2.0}
    plant = {"relu": lambda lr: losses[lr], "tanh": lambda lr: -lr}
    a = analysed(
        {"lr": list(losses), "activation": ["relu", "tanh"]},
        lambda c: Outcome(best_loss=plant[c["activation"]](c["lr"])),
    )
    frame = learning_rate(a).frame.set_index("activation")
    assert frame["best_lr"].to_dict() == {"relu": 0.1, "tanh": 1.0}
    assert frame["at_edge"].to_dict() == {"relu": "no", "tanh": "yes"}


def test_different_losses_are_ranked_by_accuracy_and_not_by_loss(analysed):
    final = {"cross_entropy": 0.7, "mse": 0.6, "mine": 0.65}
    loss = {"cross_entropy": (2.0, 2.0), "mse": (0.01, 0.01), "mine": (1.0, 1.0)}
    a = analysed({"loss": list(final)}, lambda c: Outcome(1, final=final[c["loss"]], loss=loss[c["loss"]]))
    table = best_worst(a)
    assert table.frame["loss"].tolist() == ["cross_entropy", "mine", "mse"]
    assert "then by best validation accuracy" in table.caption
    assert "mean_loss compares rows of one loss only." in convergence(a).caption


def test_only_a_number_has_an_edge(analysed):
    a = analysed({"clipping": ["none", "value"]}, lambda _: Outcome(), nuisance=("clipping",))
    assert set(learning_rate(a).frame["at_edge"]) == {"no"}
