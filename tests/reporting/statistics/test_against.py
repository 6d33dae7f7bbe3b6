"""Against the baseline: plain means and scipy's paired t test on the cells themselves, and what is counted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel
from statsmodels.stats.multitest import multipletests

from ablation.reporting.tables.against_reference import against_reference
from tests.reporting.synthetic import Outcome

LEVELS = {
    "activation": ["relu", "elu", "tanh"],
    "init": ["he_normal", "xavier_normal"],
    "normalization": ["none", "batch"],
    "depth": [2, 8],
    "seed": list(range(5)),
}
BASELINE = (("activation", "relu"), ("init", "he_normal"))
SLOW = {"relu": 2, "elu": 1, "tanh": 3}


def planted(cell):
    luck = (7 * cell["seed"] + 3 * cell["depth"] + 5 * len(cell["activation"]) + len(cell["init"])) % 3
    late = SLOW[cell["activation"]] + luck * (cell["activation"] != "relu") + (cell["init"] != "he_normal")
    return Outcome(min(6, late + (cell["depth"] > 2)), final=0.97 - 0.01 * late)


@pytest.fixture
def against(analysed):
    return analysed(LEVELS, planted, reference=BASELINE)


def only(frame, **where):
    for column, value in where.items():
        frame = frame[frame[column] == value]
    (row,) = frame.to_dict("records")
    return row


def test_every_level_is_compared_at_every_depth_with_all_else_at_the_baseline(against):
    frame = against.against_reference
    assert len(frame) == (2 + 1) * 2 * 5
    assert frame["factor"].tolist() == ["activation"] * 20 + ["init"] * 10, "in the order of the baseline"
    assert set(frame["depth"]) == {2, 8}
    cells = against.tuned
    for response, column in (("rmst", "time"), ("test_accuracy", "tested"), ("best_val_accuracy", "accuracy")):
        own = cells[(cells["init"] == "he_normal") & (cells["depth"] == 8)]
        seeds = own.pivot_table(column, "activation", "seed", observed=True)
        row = only(frame, level="tanh", depth=8, response=response)
        test = ttest_rel(seeds.loc["tanh"], seeds.loc["relu"])
        assert row["difference"] == pytest.approx((seeds.loc["tanh"] - seeds.loc["relu"]).mean())
        assert (row["value"], row["reference_value"]) == pytest.approx(
            (seeds.loc["tanh"].mean(), seeds.loc["relu"].mean())
        )
        assert row["p"] == pytest.approx(test.pvalue)
        ends = test.confidence_interval()
        assert (row["difference_low"], row["difference_high"]) == pytest.approx((ends.low, ends.high))


def test_ratios_are_those_of_the_model_of_times(against):
    found = against.effects[0]
    y = pd.Series(np.nan, against.tuned.index)
    y.iloc[found.places.ravel()] = found.y.ravel()
    cells = against.tuned.assign(y=y)[against.tuned["init"] == "he_normal"]
    own = cells[cells["depth"] == 2].pivot_table("y", "activation", "seed", observed=True)
    apart = own.loc["elu"] - own.loc["relu"]
    row = only(against.against_reference, level="elu", depth=2, response="epochs")
    assert row["ratio"] == pytest.approx(10 ** apart.mean())
    half = 2.776445 * apart.std() / np.sqrt(5)
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx(
        (10 ** (apart.mean() - half), 10 ** (apart.mean() + half))
    )
    assert np.isnan(row["difference"])


def test_all_comparisons_of_the_table_are_counted(against):
    frame = against.against_reference
    known = frame["p"].notna()
    expected = multipletests(frame.loc[known, "p"], method="holm")[1]
    assert frame.loc[known, "p_holm"].to_numpy() == pytest.approx(expected)
    assert (frame.loc[known, "evidence"] == "clear").tolist() == (expected < 0.05).tolist()


def test_seeds_that_agree_have_a_sign_test_and_copies_none(analysed):
    levels = {"clipping": ["none", "value", "norm"], "seed": range(5)}
    a = analysed(levels, lambda c: Outcome(1 + (c["clipping"] == "norm")), reference=(("clipping", "none"),))
    frame = a.against_reference
    row = only(frame, level="norm", response="rmst")
    assert (row["difference"], row["p"], row["evidence"]) == (1, 2 / 32, "weak")
    assert np.isnan(row["difference_low"])
    assert set(frame.loc[frame["level"] == "value", "evidence"]) == {"copies"}
    assert frame.loc[frame["level"] == "value", "p"].isna().all()


def test_one_seed_has_differences_and_no_evidence(analysed):
    a = analysed({"activation": ["relu", "tanh"]}, planted, reference=(("activation", "relu"),))
    row = only(a.against_reference, response="rmst")
    assert (row["difference"], row["evidence"]) == (pytest.approx(3), "none")
    assert np.isnan(row["p"])
    assert "epochs" not in set(a.against_reference["response"]), "no model of times"


def test_depths_are_compared_over_all_else(analysed):
    a = analysed({"depth": [2, 8], "activation": ["relu", "elu"], "seed": range(3)}, planted, reference=(("depth", 2),))
    row = only(a.against_reference, response="rmst")
    means = a.tuned.groupby("depth", observed=True)["time"].mean()
    assert (row["depth"], row["level"]) == ("all", 8)
    assert row["difference"] == pytest.approx(means[8] - means[2])


def test_what_never_arrives_is_counted_and_the_ratio_is_told_to_be_a_guess(analysed):
    plant = lambda c: Outcome(None if c["activation"] == "tanh" else 1 + c["seed"] % 2)  # noqa: E731
    a = analysed({"activation": ["relu", "elu", "tanh"], "seed": range(4)}, plant, reference=(("activation", "relu"),))
    frame = against_reference(a).frame
    frame = frame[frame["level"] == "tanh"]
    assert only(frame, response="rmst")["censored"] == 1
    assert only(frame, response="rmst")["note"].startswith("cut at the horizon")
    assert only(frame, response="epochs")["note"].startswith("the model's guess")
    assert only(frame, response="test_accuracy")["note"] == ""


def test_without_a_baseline_there_is_nothing(small_analysis):
    assert small_analysis.against_reference.empty
