"""Times, censoring and summaries, against closed forms and plain loops."""

import math

import numpy as np
import pandas as pd
import pytest

from ablation.reporting.options import Options
from ablation.reporting.statistics.times import (
    guessing_loss,
    mean_loss,
    median_time,
    performance_profile,
    summarize,
)
from tests.reporting.synthetic import Outcome


def test_mean_loss_is_the_capped_area_over_the_horizon():
    curves = pd.DataFrame(
        {
            "row": [0, 0, 0, 1, 1, 2, 2],
            "epoch": [0.0, 1.0, 2.0, 0.0, 1.0, 0.0, 2.0],
            "val_loss": [1.0, 0.5, 0.1, 1.0, math.nan, 50.0, math.inf],
        }
    )
    area = mean_loss(curves, np.array([2.0, 2.0, 2.0, 2.0]), 2.0)
    # Row 1 is gone after one epoch and counts as the cap from there; row 3 was never evaluated.
    assert area == pytest.approx([(0.75 + 0.3) / 2, (1.5 + 2.0) / 2, 2.0, 2.0])


def test_median_is_kaplan_meiers():
    times = np.array([1, math.inf, 3, 5, 4, math.inf, math.inf, 7.0])
    groups = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    # Half censored: the median is the time at which half has arrived; more than half: beyond the horizon.
    assert median_time(times, groups, 3).tolist() == [1, 4, math.inf]


def test_summary_against_a_plain_loop(small_analysis):
    a, by = small_analysis, ["activation", "depth"]
    table = summarize(a.tuned, by, a.design, a.options)
    assert len(table) == 4
    for row in table.to_dict("records"):
        group = [c for c in a.tuned.to_dict("records") if all(c[f] == row[f] for f in by)]
        times = sorted(c["epochs_primary"] for c in group)
        assert row["cells"] == len(group)
        assert row["reached"] == sum(math.isfinite(t) for t in times)
        assert row["median_epochs"] == times[(len(times) - 1) // 2]
        assert row["rmst"] == pytest.approx(sum(min(t, 6) for t in times) / len(times))
        assert row["rmst_low"] <= row["rmst"] <= row["rmst_high"]
        shares = [np.mean([math.isfinite(c["epochs_primary"]) for c in group if c["seed"] == s]) for s in (0, 1)]
        half = 12.706204736 * np.std(shares, ddof=1) / math.sqrt(2)
        if half:
            ends = max(np.mean(shares) - half, 0), min(np.mean(shares) + half, 1)
            assert (row["success_low"], row["success_high"]) == pytest.approx(ends)
        else:
            assert math.isnan(row["success_low"])


def test_one_minus_kaplan_meier_is_the_empirical_distribution(analysed):
    """With one common horizon, statsmodels' estimate and the plain share of arrivals agree at every epoch."""
    from statsmodels.duration.survfunc import SurvfuncRight

    from ablation.reporting.figures.convergence.success_curves import arrived

    a = analysed(
        {"activation": ["relu", "tanh"], "seed": range(6)}, lambda c: Outcome([1, 2, 2, 4, None, None][c["seed"]])
    )
    curve = arrived(a, "activation", np.arange(7.0)).query("level == 'relu'").set_index("epoch")["mean"]
    times = np.array([1, 2, 2, 4, 6, 6])
    survival = SurvfuncRight(times, np.array([1, 1, 1, 1, 0, 0]))
    for time, left in zip(survival.surv_times, survival.surv_prob, strict=True):
        assert curve[time] == pytest.approx(1 - left)


def test_performance_profile_in_closed_form(analysed):
    times = {"relu": [1, 2, None, 4], "tanh": [2, 2, None, 1]}
    a = analysed({"activation": list(times), "seed": range(4)}, lambda c: Outcome(times[c["activation"]][c["seed"]]))
    table = performance_profile(a.tuned, "activation", ["loss"], np.array([1.0, 2.0, 4.0]), 0.95).set_index("level")
    assert table["problems"].tolist() == [4, 4]
    assert table.loc["relu", ["rho_1", "rho_2", "rho_4"]].tolist() == [0.5, 0.5, 0.75]
    assert table.loc["tanh", ["rho_1", "rho_2", "rho_4"]].tolist() == [0.5, 0.75, 0.75]
    # One problem a seed, so that 3 of 4 are Wilson's of seeds.
    assert table.loc["relu", ["rho_4_low", "rho_4_high"]].tolist() == pytest.approx([0.3006, 0.9544], abs=1e-4)


def test_one_seed_has_no_interval(analysed):
    a = analysed({"activation": ["relu", "tanh"]}, lambda _: Outcome(3))
    table = summarize(a.tuned, ["activation"], a.design, Options())
    assert table["rmst"].tolist() == [3, 3]
    assert table[["rmst_low", "rmst_high"]].isna().all(axis=None)


def test_guessing_costs_what_the_loss_says():
    assert guessing_loss("cross_entropy", 10) == pytest.approx(math.log(10))
    assert guessing_loss("mse", 4) == pytest.approx((0.75**2 + 3 * 0.25**2) / 4)  # outputs of 1/4 each
    assert math.isnan(guessing_loss("mine", 10))


def test_mean_loss_is_capped_by_each_cells_own_loss(analysed):
    a = analysed({"loss": ["cross_entropy", "mse", "mine"]}, lambda _: Outcome(None, loss=(9.0, 9.0)))
    found = a.cells.set_index("loss")["mean_loss"]
    assert found["cross_entropy"] == pytest.approx(math.log(10))
    assert found["mse"] == pytest.approx(0.09)
    assert math.isnan(found["mine"])
    assert math.isnan(summarize(a.tuned, ["init"], a.design, a.options)["mean_loss"].iloc[0])


def test_profiles_judge_a_level_on_the_problems_it_was_given(analysed):
    shape = {"mlp": (2, 5), "cone": (2,)}
    factors = {"model": ["mlp", "cone"], "depth": [2, 5]}
    a = analysed(factors, lambda _: Outcome(2), planned=lambda c: c["depth"] in shape[c["model"]])
    table = performance_profile(a.tuned, "model", ["depth"], np.array([1.0]), 0.95).set_index("level")
    assert table[["problems", "rho_1"]].to_numpy().tolist() == [[1, 1.0], [1, 1.0]]
    assert table.index.tolist() == ["mlp", "cone"]


def test_equal_losses_rank_equal_in_whatever_order_seeds_are_summed(analysed):
    a = analysed({"activation": ["relu", "elu"], "seed": [0, 1, 2]}, lambda _: Outcome(2))
    tuned = a.tuned.sort_values(["activation", "seed"]).assign(mean_loss=[0.1, 0.2, 0.3, 0.3, 0.2, 0.1])
    one, other = summarize(tuned, ["activation"], a.design, a.options)["mean_loss"]
    assert one == other
