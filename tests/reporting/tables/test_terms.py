"""The tables of effects on whole studies: what was planted, what is missing, and what is said of it."""

import numpy as np
import pytest
from scipy import stats

from ablation.reporting.tables.best import winners
from ablation.reporting.tables.terms import effects, logrank, marginal_means
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

FACTORS = {
    "activation": ["relu", "tanh", "elu"],
    "normalization": ["none", "batch"],
    "depth": [2, 8],
    "lr": [0.1, 1.0],
    "seed": [0, 1, 2],
}


def planted(cell):
    """Depth and normalization matter, elu most where it is deep; of the learning rates the second is the better."""
    slow = (2 if cell["normalization"] == "batch" else 5) * (1 if cell["depth"] == 2 else 2)
    slow += 4 * (cell["activation"] == "tanh") * (cell["depth"] == 8) + luck(cell, 3)
    return Outcome(slow if slow < 15 else None, best_loss=0.1 if cell["lr"] == 1.0 else 0.5, loss=(2.4, 0.1 * slow))


@pytest.fixture
def study(analysed):
    return analysed(FACTORS, planted, epochs=15)


def test_effects_on_both_responses_with_the_planted_ones_first(study):
    table = effects(study)
    frame = table.frame
    for response in ("epochs", "val_loss"):
        part = frame[frame["response"] == response]
        assert set(part["term"].head(2)) == {"normalization", "depth"}
        assert part["term"].iloc[2] == "activation"
        assert (part["p_holm"].head(2) < 0.001).all()
        assert (part["omega_low"].head(2) > 0.3).all()
    beside = frame.set_index(["response", "term"])["logrank_p_holm"]
    assert beside["epochs", "normalization"] < 0.01
    assert np.isnan(beside["epochs", "activation x depth"])
    assert "36 cells, tuned over lr (2 values)" in table.caption


def test_censoring_is_said_where_it_passes_three_in_ten(study, analysed):
    assert "nowhere more than 30%" in effects(study).caption
    most = effects(analysed(FACTORS, lambda c: planted(c) if c["depth"] == 2 else Outcome(None))).caption
    assert "the study as a whole, depth 8 (100.0%)" in most
    assert "log-rank" in most


def test_what_is_left_out_is_a_row_with_a_sentence(analysed):
    cone = lambda c: (c["model"] == "cone") == (c["depth"] == 8)  # noqa: E731
    levels = {"model": ["mlp", "cone"], "depth": [2, 8], "activation": ["relu", "tanh"], "seed": [0, 1, 2]}
    table = effects(analysed(levels, lambda c: Outcome(2 + luck(c, 3)), planned=cone)).frame
    rows = table[table["response"] == "epochs"].set_index("term")
    for term in ("model", "depth", "model x depth"):
        assert rows.loc[term, "note"] == "It cannot be told apart from the other effects and is left out."
        assert np.isnan(rows.loc[term, "omega_sq"])
    assert rows.loc["activation", "omega_sq"] > -1


@pytest.mark.parametrize(
    ("levels", "plant", "says"),
    [
        ({}, lambda _: Outcome(), "One level"),
        ({"activation": ["relu", "tanh"]}, lambda c: Outcome(2 + luck(c)), "Too few cells for effects"),
        ({"activation": ["relu", "tanh"], "seed": [0, 1]}, lambda _: Outcome(None), "same in every cell"),
        ({"loss": ["cross_entropy", "mse"], "seed": [0, 1]}, lambda c: Outcome(2 + luck(c)), "no scale in common"),
    ],
)
def test_every_study_has_the_tables_and_the_reason(levels, plant, says, analysed):
    analysis = analysed(levels, plant)
    assert any(says in note for note in effects(analysis).frame["note"])
    assert all(len(build(analysis).frame) for build in (effects, marginal_means, winners, logrank))


def test_no_training_has_no_times(analysed):
    analysis = analysed({"activation": ["relu", "tanh"], "seed": [0, 1]}, lambda _: Outcome(None), epochs=0)
    assert "Nothing was trained" in effects(analysis).frame["note"][0]
    assert winners(analysis).frame["winner"].tolist() == ["none: nothing was trained"]


def test_marginal_means_are_geometric_and_ratios_paired(study):
    frame = marginal_means(study).frame.set_index(["response", "factor", "level"])
    times = np.minimum(study.tuned["epochs_primary"], 15)
    for level in ("none", "batch"):
        expected = stats.gmean(times[study.tuned["normalization"] == level])
        assert frame.loc[("epochs", "normalization", level), "mean"] == pytest.approx(expected)
    batch = frame.loc[("epochs", "normalization", "batch")]
    by_seed = np.log(times).groupby([study.tuned["seed"], study.tuned["normalization"]], observed=True).mean().unstack()
    low, high = stats.t.interval(
        0.95, 2, (apart := by_seed["batch"] - by_seed["none"]).mean(), stats.sem(apart.to_numpy())
    )
    assert (batch["ratio_low"], batch["ratio_high"]) == pytest.approx((np.exp(low), np.exp(high)))
    assert batch["reference"] == "none"
    assert frame["high"].max() <= 15


def test_logrank_is_of_the_study_and_of_each_depth(study):
    frame = logrank(study).frame
    assert frame["scope"].unique().tolist() == ["all", "depth 2", "depth 8"]
    row = frame.set_index(["scope", "factor"]).loc[("all", "normalization")]
    assert (row["soonest"], row["latest"], row["df"]) == ("batch", "none", 1)
    assert row["p_holm"] >= row["p"]
    assert "depth" not in frame.loc[frame["scope"] == "depth 2", "factor"].tolist()
