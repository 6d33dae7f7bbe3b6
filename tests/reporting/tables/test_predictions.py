"""Theory's two tables."""

import re

import numpy as np
import pytest

from ablation.reporting.tables.latex import to_latex
from ablation.reporting.tables.predictions import agreement, predictions
from ablation.reporting.tables.table import to_csv, to_markdown
from tests.reporting.synthetic import Outcome


def test_predictions_by_the_known_figures(analysed):
    levels = {"init": ["torch_default", "xavier_normal", "he_normal"], "activation": ["relu", "tanh"], "depth": [5, 20]}
    frame = predictions(analysed(levels, lambda _: Outcome())).frame
    assert len(frame) == 6
    assert (frame["depth"] == 20).all()
    table = frame.set_index(["activation", "init"])
    assert table.loc[("relu", "xavier_normal"), "log10_ratio"] == pytest.approx(-2.86, abs=5e-3)
    assert table.loc[("tanh", "torch_default"), "log10_ratio"] == pytest.approx(-4.66, abs=5e-3)
    assert table.loc[("relu", "he_normal"), "log10_ratio"] == 0
    assert table.loc[("relu", "he_normal"), "trains_to"] == np.inf
    assert table.loc[("relu", "xavier_normal"), "depth_scale"] == pytest.approx(1 / np.log(2))
    assert table["critical_sigma_w2"].groupby("activation", observed=True).first().tolist() == pytest.approx([1, 2])
    assert table.loc["tanh", "batch_norm_rate"].tolist() == pytest.approx([1.178] * 3, abs=5e-4)


def test_an_infinite_depth_scale_is_said_to_be_so(analysed):
    levels = {"init": ["xavier_normal", "he_normal"], "activation": ["relu", "tanh", "elu", "identity"], "depth": [5]}
    table = predictions(analysed(levels, lambda _: Outcome()))
    own = table.frame.set_index(["activation", "init"])[["depth_scale", "trains_to"]]
    critical = [("relu", "he_normal"), ("tanh", "xavier_normal"), ("elu", "he_normal"), ("elu", "xavier_normal")]
    critical.append(("identity", "xavier_normal"))
    assert (own.loc[critical] == np.inf).all().all()
    assert np.isfinite(own.drop(index=critical)).all().all()
    for text, head in ((to_csv(table), "\n"), (to_markdown(table, 6), "| ---"), (to_latex(table, 6), r"\midrule")):
        assert len(re.findall(r"\binf\b", text.split(head, 1)[1])) == 2 * len(critical)


@pytest.mark.parametrize("levels", [{"depth": [1]}, {"init": ["zeros"]}, {"model": ["mlp", "cone"], "width": [8, 16]}])
def test_every_study_has_predictions(levels, analysed):
    frame = predictions(analysed(levels, lambda _: Outcome())).frame
    assert len(frame) >= 1
    assert frame["batch_norm_rate"].notna().all()


def test_agreement_counts_its_verdicts_and_leaves_out_what_does_not_vary(analysed):
    levels = {"init": ["xavier_normal", "zeros"], "depth": [1, 30], "width": [2048], "seed": [0, 1]}
    table = agreement(analysed(levels, lambda _: Outcome(decades=np.log10(2) / 2)))
    assert list(table.frame.columns[:4]) == ["init", "activation", "depth", "normalization"]
    assert "width" not in table.frame
    assert table.frame["verdict"].tolist() == ["no measurement", "agrees", "no measurement", "differs"]
    assert "Of 4 comparisons: agrees 1, differs 1, no measurement 2." in table.caption
    departure = table.frame["detectable"].dropna()
    assert len(departure) == 1, "with weights of zero there is no slope"
    assert table.caption.endswith(
        f"Median of detectable: {departure.iloc[0]:.2g} where a comparison can tell (predicted slopes: 0.15)."
    )


def test_agreement_says_what_undecided_comparisons_could_have_shown(analysed):
    levels = {"depth": [30], "width": [8, 4096], "seed": [0, 1]}
    table = agreement(analysed(levels, lambda _: Outcome()))
    narrow, wide = (f"{departure:.2g}" for departure in table.frame["detectable"])
    assert table.caption.endswith(
        f"Median of detectable: {wide} where a comparison can tell (predicted slopes: 0), "
        f"{narrow} where undecided (predicted slopes: 0)."
    )


def test_no_network_is_judged_by_the_theory_of_another(analysed):
    levels = {"model": ["mlp", "another"], "depth": [2, 9], "activation": ["relu", "tanh"], "seed": [0, 1]}
    analysis = analysed(levels, lambda _: Outcome())
    rows = agreement(analysis).frame
    other = rows["model"] == "another"
    assert (rows.loc[other, "verdict"] == "no prediction").all()
    assert (rows.loc[other, "why"] == "no theory here of another").all()
    assert rows.loc[other, ["predicted_slope", "tolerance"]].isna().all().all()
    assert (rows.loc[~other, "verdict"] != "no prediction").all()
    table = predictions(analysis)
    assert "another: no perceptron" in table.caption
    of_network = table.frame[table.frame["model"] == "another"][["length_last", "chi_settled", "depth_scale"]]
    assert of_network.isna().all().all()
    assert table.frame[table.frame["model"] == "mlp"]["chi_settled"].notna().all()
