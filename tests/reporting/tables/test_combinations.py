"""The tables of convergence: their rows, ranks, and what is said of the tuning."""

import pytest

from ablation.reporting.tables.combinations import convergence, learning_rate
from tests.reporting.synthetic import Outcome


def test_convergence_has_every_combination_once(small_analysis):
    frame = convergence(small_analysis).frame
    by = list(small_analysis.design.compared)
    assert len(frame) == 32
    assert not frame.duplicated(by).any()
    assert set(frame["lr"]) <= {0.1, 1.0}


def test_tuning_at_the_edge_is_said(analysed):
    losses = {0.01: 3.0, 0.1: 1.0, 1.0: 2.0}
    plant = {"relu": lambda lr: losses[lr], "tanh": lambda lr: -lr}
    a = analysed(
        {"lr": list(losses), "activation": ["relu", "tanh"]},
        lambda c: Outcome(best_loss=plant[c["activation"]](c["lr"])),
    )
    frame = learning_rate(a).frame.set_index("activation")
    assert frame["best_lr"].to_dict() == {"relu": 0.1, "tanh": 1.0}
    assert frame["at_edge"].to_dict() == {"relu": "no", "tanh": "lr high"}


def test_the_accuracy_in_the_end_is_that_on_the_test_part(analysed):
    """A diverged cell guesses; of the accuracies on the validation part nothing is in it."""
    a = analysed(
        {"activation": ["relu", "tanh"], "seed": [0, 1]},
        lambda c: Outcome(1, final=0.9 if c["activation"] == "relu" else 0.7, diverges=2 if c["seed"] else None),
    )
    frame = convergence(a).frame.set_index("activation")
    assert frame["test_accuracy"].to_dict() == pytest.approx({"relu": (0.8 + 0.1) / 2, "tanh": (0.6 + 0.1) / 2})


def test_only_a_number_has_an_edge(analysed):
    a = analysed({"clipping": ["none", "value"]}, lambda _: Outcome(), nuisance=("clipping",))
    assert set(learning_rate(a).frame["at_edge"]) == {"no"}
