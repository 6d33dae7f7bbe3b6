"""The tables of effects on whole studies: what was planted, what is missing, and what is said of it."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablation.reporting.tables.best import winners
from ablation.reporting.tables.terms import copies, effects, marginal_means, time_model
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

NORM = ("normalization", "batch")
FACTORS = {
    "activation": ["relu", "tanh", "elu"],
    "normalization": ["none", "batch"],
    "depth": [2, 8],
    "lr": [0.1, 1.0],
    "seed": list(range(6)),
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
    known = frame["p"].notna()
    assert known.sum() == 24
    assert frame.loc[known, "p_holm"].to_numpy() == pytest.approx(
        multipletests(frame.loc[known, "p"], method="holm")[1]
    )
    assert "72 cells, tuned over lr (2 values) for each seed by the others" in table.caption


def test_censoring_is_said_where_it_passes_three_in_ten(study, analysed):
    assert "of no level more than 30%" in effects(study).caption
    most = effects(analysed(FACTORS, lambda c: planted(c) if c["depth"] == 2 else Outcome(None))).caption
    assert "Of depth 8 (100% censored), " in most
    assert "fewer than a third of the cells reach the target" in most
    assert "cannot be concluded" in most


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
        ({"activation": ["relu", "tanh"], "seed": [0, 1]}, lambda _: Outcome(None), "Too few cells reach the target"),
        ({"loss": ["cross_entropy", "mse"], "seed": [0, 1]}, lambda c: Outcome(2 + luck(c)), "no scale in common"),
    ],
)
def test_every_study_has_the_tables_and_the_reason(levels, plant, says, analysed):
    analysis = analysed(levels, plant)
    assert any(says in note for note in effects(analysis).frame["note"])
    assert all(len(build(analysis).frame) for build in (effects, marginal_means, winners, copies, time_model))


def test_no_training_has_no_times(analysed):
    analysis = analysed({"activation": ["relu", "tanh"], "seed": [0, 1]}, lambda _: Outcome(None), epochs=0)
    assert "Nothing was trained" in effects(analysis).frame["note"][0]
    assert winners(analysis).frame["winner"].tolist() == ["none: nothing was trained"]


def test_marginal_means_are_paired_by_seed(study):
    frame = marginal_means(study).frame.set_index(["response", "factor", "level"]).sort_index()
    by_seed = study.tuned.pivot_table("time", "seed", "normalization", observed=True)
    for level in ("none", "batch"):
        assert frame.loc[("rmst", "normalization", level), "mean"] == pytest.approx(by_seed[level].mean())
    batch = frame.loc[("rmst", "normalization", "batch")]
    expected = stats.ttest_rel(by_seed["batch"], by_seed["none"]).confidence_interval(0.95)
    assert (batch["difference_low"], batch["difference_high"]) == pytest.approx(tuple(expected))
    assert np.isnan(batch["ratio"])
    assert batch["reference"] == "none"
    assert frame.loc["rmst", "high"].max() <= 15


def test_ratios_of_times_are_the_planted_ones_whatever_is_censored(analysed):
    """Batch normalization halves the time; a fifth of the cells without it never arrive."""
    times = {"none": [4, 6, 8, 10, 12, 14], "batch": [2, 3, 4, 5, 6, 7]}

    def planted(cell):
        place = (cell["seed"] + 2 * ["relu", "tanh", "elu"].index(cell["activation"])) % 6
        late = times[cell["normalization"]][place] + (cell["depth"] == 8) * times[cell["normalization"]][place] / 4
        return Outcome(late if late <= 15 else None, loss=(2.4, late / 20))

    levels = {name: levels for name, levels in FACTORS.items() if name != "lr"}
    analysis = analysed(levels, planted, epochs=15)
    batch = marginal_means(analysis).frame.set_index(["response", "factor", "level"]).loc[("epochs", *NORM)]
    assert 0.02 < 1 - analysis.tuned["reached"].mean() < 0.2
    assert batch["ratio"] == pytest.approx(0.5, rel=0.06)
    assert np.isnan(batch["difference"])


def test_the_model_of_times_has_a_row_a_seed(study):
    frame = time_model(study).frame
    assert frame["seed"].tolist() == list("012345")
    assert (frame["cells"] == 12).all()
    assert frame["arrived"].sum() == study.tuned["reached"].sum()
    assert (frame["sigma"] > 0).all()
